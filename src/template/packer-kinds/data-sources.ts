import * as z from 'zod';
import { type PackerComponent, isSet, textOption } from './component.ts';
import { text, textMap } from './fields.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];

export const httpDataSource: PackerComponent = {
  role: 'data-source',
  type: 'http',
  summary: 'Reads a document over HTTP',
  schema: z.object({
    url: z.string().meta({ description: 'Address of the document.' }),
    method: text('Method of the request; GET when left out.'),
    request_headers: textMap('Headers of the request.'),
    request_body: text('Body of the request.'),
  }),
  check: (options) => {
    const errors: string[] = [];
    if (!isSet(options, 'url')) errors.push('the `url` must be specified');
    const method = textOption(options, 'method');
    if (method !== '' && method !== '<unknown>' && !METHODS.includes(method)) {
      errors.push(`the \`method\` must be one of [${METHODS.join(' ')}]`);
    }
    return { errors };
  },
};

export const nullDataSource: PackerComponent = {
  role: 'data-source',
  type: 'null',
  summary: 'Gives back its input',
  schema: z.object({ input: z.string().meta({ description: 'The text to give back as output.' }) }),
  check: (options) => ({ errors: isSet(options, 'input') ? [] : ['The `input` must be specified'] }),
};

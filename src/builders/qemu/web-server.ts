import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { join, normalize } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';

/** What an installer may read: a folder, or texts by path. */
export type WebContent =
  | { readonly type: 'folder'; readonly path: string }
  | {
      readonly type: 'texts';
      readonly texts: Readonly<Record<string, string>>;
      /** What becomes of a text that goes out at this port. */
      readonly fill?: (text: string, port: number) => string;
    };

/** A server on a free port of a range; disposing it closes it and its connections. */
export interface WebServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * Serves files to a machine that installs itself. Only reading, and nothing outside of the folder.
 * @param onRequest told of each request and its answer, for the log
 * @throws FailureError `store-busy` when every port of the range is taken
 */
export async function serveWeb(
  content: WebContent,
  address: { readonly host: string; readonly min: number; readonly max: number },
  onRequest: (line: string) => void,
): Promise<WebServer> {
  const server = createServer((request, response) => {
    const path = decode(request.url ?? '/');
    void answer(content, path, response).then((status) => onRequest(`${request.method} ${path} ${status}`));
  });
  for (let port = address.min; port <= address.max; port += 1) {
    if (await listen(server, port, address.host)) {
      return {
        port,
        [Symbol.asyncDispose]: async () => {
          server.closeAllConnections();
          await new Promise<void>((resolve) => server.close(() => resolve()));
        },
      };
    }
  }
  throw new FailureError({
    reason: 'store-busy',
    message: `all ports from ${address.min} to ${address.max} of ${address.host} are taken`,
    hint: 'widen `http_port_min` and `http_port_max`',
  });
}

function listen(server: Server, port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else
        reject(
          new FailureError({
            reason: 'step-failed',
            message: `the HTTP server cannot listen on ${host}:${port}: ${error.message}`,
          }),
        );
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.removeListener('error', failed);
      resolve(true);
    });
  });
}

async function answer(content: WebContent, path: string, response: ServerResponse): Promise<number> {
  if (content.type === 'texts') {
    const text = Object.hasOwn(content.texts, path) ? content.texts[path] : undefined;
    if (text === undefined) return end(response, 404, 'not found\n');
    const port = response.socket?.localPort ?? 0;
    return end(response, 200, content.fill?.(text, port) ?? text);
  }
  const file = join(content.path, normalize(`/${path}`));
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) return end(response, 404, 'not found\n');
  response.writeHead(200, { 'content-length': found.size, 'content-type': 'application/octet-stream' });
  createReadStream(file)
    .once('error', () => response.destroy())
    .pipe(response);
  return 200;
}

function end(response: ServerResponse, status: number, text: string): number {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
  return status;
}

/** Path of a request's target, without its query; what cannot be decoded is no path. */
function decode(target: string): string {
  try {
    return decodeURIComponent(target.split('?')[0] ?? '/');
  } catch {
    return '/';
  }
}

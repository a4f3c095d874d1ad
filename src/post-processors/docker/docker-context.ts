import { DockerCli } from '../../communicators/docker/docker-cli.ts';
import type { OutputChunk } from '../../layers/workspace.ts';
import { LineSplitter } from '../../util/line-splitter.ts';
import type { PostContext } from '../post-processor.ts';

/** The docker program for a post-processor. */
export const dockerFor = (program: string, { signal }: PostContext, configFolder?: string): DockerCli =>
  new DockerCli({ program, signal, ...(configFolder === undefined ? {} : { configFolder }) });

/** Every line that a program prints, to the log. */
export function linesTo(log: PostContext['log']): (chunk: OutputChunk) => void {
  const splitters = { stdout: new LineSplitter(log), stderr: new LineSplitter(log) };
  return ({ stream, text }) => splitters[stream].push(text);
}

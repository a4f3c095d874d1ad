import { createCipheriv } from 'node:crypto';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import type { KeyEvent } from './boot-command.ts';

/** The keyboard of a machine's screen, over VNC (RFC 6143). Nothing of the picture is asked for. */
export class VncKeyboard implements AsyncDisposable {
  readonly #socket: Socket;
  #error: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => (this.#error = error));
    // Bells and cut texts may come; nobody reads them.
    socket.resume();
  }

  /** @throws FailureError `communicator-failed` */
  static async connect(
    address: NetConnectOpts,
    options: { readonly password?: string; readonly signal: AbortSignal },
  ): Promise<VncKeyboard> {
    const socket = connect(address);
    const stop = (): void => void socket.destroy();
    options.signal.addEventListener('abort', stop, { once: true });
    try {
      await shakeHands(socket, options.password);
      return new VncKeyboard(socket);
    } catch (error) {
      socket.destroy();
      if (options.signal.aborted)
        throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
      if (error instanceof FailureError) throw error;
      throw failure(error instanceof Error ? error.message : String(error));
    } finally {
      options.signal.removeEventListener('abort', stop);
    }
  }

  /**
   * Plays key events; the machine needs time to see each.
   * @param intervalMs pause after each key that goes down or up
   * @throws FailureError `communicator-failed` when the connection breaks, `aborted`
   */
  async type(
    events: readonly KeyEvent[],
    options: { readonly intervalMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    for (const event of events) {
      if (this.#socket.destroyed) throw failure(this.#error?.message ?? 'the machine closed it');
      if (event.type === 'key') this.#socket.write(keyMessage(event.keysym, event.down));
      const pause = event.type === 'wait' ? event.ms : options.intervalMs;
      await sleep(pause, undefined, { signal: options.signal }).catch(() => {
        throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
      });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.end();
    this.#socket.destroySoon();
    return Promise.resolve();
  }
}

/** RFC 6143 §7.5.4. */
function keyMessage(keysym: number, down: boolean): Buffer {
  const message = Buffer.from([4, down ? 1 : 0, 0, 0, 0, 0, 0, 0]);
  message.writeUInt32BE(keysym, 4);
  return message;
}

async function shakeHands(socket: Socket, password: string | undefined): Promise<void> {
  const version = (await read(socket, 12)).toString('latin1');
  if (!/^RFB \d{3}\.\d{3}\n$/.test(version)) throw failure('no VNC server answers there');
  socket.write('RFB 003.008\n');
  const [count = 0] = await read(socket, 1);
  if (count === 0) throw failure(await readText(socket));
  const kinds = await read(socket, count);
  const [none, withPassword] = [1, 2];
  if (kinds.includes(none)) socket.write(Buffer.from([none]));
  else if (!kinds.includes(withPassword)) throw failure('the server wants a way to log in that is not known');
  else if (password === undefined) throw failure('the server wants a password');
  else {
    socket.write(Buffer.from([withPassword]));
    socket.write(answerChallenge(await read(socket, 16), password));
  }
  if ((await read(socket, 4)).readUInt32BE() !== 0) throw failure(await readText(socket));
  // Shared: a person may watch meanwhile.
  socket.write(Buffer.from([1]));
  const screen = await read(socket, 24);
  await read(socket, screen.readUInt32BE(20));
}

/** RFC 6143 §7.2.2: single DES, which is triple DES with one key; the bits of each byte of the key are turned round. */
function answerChallenge(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, 'latin1').copy(key, 0, 0, 8);
  for (const [index, byte] of key.entries()) {
    key[index] = Number.parseInt(byte.toString(2).padStart(8, '0').split('').toReversed().join(''), 2);
  }
  const cipher = createCipheriv('des-ede3', Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

async function readText(socket: Socket): Promise<string> {
  const length = (await read(socket, 4)).readUInt32BE();
  return (await read(socket, Math.min(length, 1024))).toString();
}

function read(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      const bytes = length === 0 ? Buffer.alloc(0) : (socket.read(length) as Buffer | null);
      if (bytes === null) return void socket.once('readable', attempt);
      socket.off('error', reject).off('close', closed);
      resolve(bytes);
    };
    const closed = (): void => reject(new Error('the server closed the connection'));
    socket.once('error', reject).once('close', closed);
    attempt();
  });
}

function failure(message: string): FailureError {
  return new FailureError({ reason: 'communicator-failed', message: `VNC: ${message}` });
}

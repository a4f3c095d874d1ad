import { shellQuote } from '../../util/shell-quote.ts';
import type { SshCommunicator } from './ssh-communicator.ts';

/**
 * Takes a key out of `authorized_keys` of whoever is logged in, for a key that was made for this build. Other lines,
 * the file's owner and its mode stay; a file that is not there is left alone.
 * @throws FailureError `communicator-failed`
 */
export async function removeAuthorizedKey(communicator: SshCommunicator, publicKey: string): Promise<void> {
  const blob = publicKey.trim().split(/\s+/)[1] ?? '';
  const command = `file="$HOME/.ssh/authorized_keys"
[ -f "$file" ] || exit 0
kept=$(grep -vF ${shellQuote(blob)} "$file"; echo .)
printf %s "\${kept%.}" >"$file"`;
  await communicator.exec(command);
}

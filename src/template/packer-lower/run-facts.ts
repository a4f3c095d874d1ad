/** The id of this run, which its programs see as well: `build.PackerRunUUID`, `packer_run_uuid` in manifests. */
export const packerRunId = (): string => process.env['PACKER_RUN_UUID'] ?? '';

/** What Packer says of every machine where its builder does not know better. */
const OF_EVERY_MACHINE: Readonly<Record<string, string>> = {
  ID: 'ERR_ID_NOT_IMPLEMENTED_BY_BUILDER',
  PackerHTTPIP: 'ERR_HTTP_IP_NOT_IMPLEMENTED_BY_BUILDER',
  PackerHTTPPort: 'ERR_HTTP_PORT_NOT_IMPLEMENTED_BY_BUILDER',
  PackerHTTPAddr: 'ERR_HTTP_ADDR_NOT_IMPLEMENTED_BY_BUILDER',
};

/** Of machines with a communicator: what it does not have is empty. */
const OF_COMMUNICATORS: Readonly<Record<string, string>> = {
  Host: '',
  Port: '0',
  User: '',
  Password: '',
  SSHPublicKey: '',
  SSHPrivateKey: '',
  WinRMPassword: '',
};

/** Facts of a machine as `build.…` has them; none of a build without a machine. */
export function runFacts(facts: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  if (Object.keys(facts).length === 0) return new Map();
  const hasCommunicator = facts['ConnType'] !== undefined;
  return new Map(
    Object.entries({
      ...OF_EVERY_MACHINE,
      ...(hasCommunicator ? OF_COMMUNICATORS : {}),
      ...facts,
      PackerRunUUID: packerRunId(),
    }),
  );
}

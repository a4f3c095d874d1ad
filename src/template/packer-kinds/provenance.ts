import * as z from 'zod';
import { type ComponentOptions, type PackerComponent, isSet, textOption } from './component.ts';
import { flag, text, textList, textMap } from './fields.ts';

export const PROVENANCE_SCHEMA = z.object({
  provenance: flag('`false`: write nothing.'),
  build_type: text('What kind of build it is, as a URI.'),
  output_dir: text('Folder for the statements; that of the first file when left out.'),
  template: text('Path of the template, to be named.'),
  only_builds: textList('Builds that were chosen, to be named.'),
  user_variables: textMap('Variables to be named with their values; sensitive ones without.'),
  source_uri: text('Where the sources come from, in the place of what Git or the CI system says.'),
  sbom: flag('Write a bill of materials, and a statement with it, as well.'),
  sbom_format: text('cyclonedx, which is taken when left out, or spdx.'),
  sbom_scan_path: text('Root of the system to look at; the files of the artifact when left out.'),
  sbom_scope: text('squashed or all-layers; a folder has no layers.'),
  sbom_exclude: textList('Patterns of paths to leave out.'),
  signing_mode: text('none, key, kms or keyless.'),
  signer: text('Private key that signs.'),
  key: text('The same as signer.'),
  verifier: text('Public key that the signature must fit.'),
  fulcio_url: text('Where certificates come from.'),
  rekor_url: text('Where signatures are listed.'),
  upload_tlog: flag('List the signature there.'),
  trusted_root_path: text('File with what is trusted.'),
  keyless_identity: text('Who must have signed.'),
  keyless_oidc_issuer: text('Who must have said so.'),
});

const KMS = /^(?:awskms|gcpkms|azurekms|hashivault):\/\//;

/** What is wrong with the options for signing, in Packer's words. */
export function checkSigning(options: ComponentOptions): string[] {
  const mode = textOption(options, 'signing_mode') || 'none';
  const [signer, key] = [textOption(options, 'signer'), textOption(options, 'key')];
  if (signer !== '' && key !== '' && signer !== key) return ['signer and key must match when both are set'];
  const one = signer || key;
  if ((mode === 'key' || mode === 'kms') && one === '')
    return [`signing_mode "${mode}" requires signer or key`];
  if (mode === 'kms' && !KMS.test(one)) {
    return [
      'signing_mode "kms" requires a recognized KMS or Vault URI: awskms://, gcpkms://, azurekms://, or hashivault://',
    ];
  }
  if (mode === 'keyless') {
    if (isSet(options, 'verifier')) {
      return [
        'signing_mode "keyless" does not support verifier overrides; keyless attestations are verified against keyless_identity and keyless_oidc_issuer',
      ];
    }
    const isKnown = ['keyless_identity', 'keyless_oidc_issuer'].every(
      (name) => textOption(options, name).trim() !== '',
    );
    if (!isKnown) return ['signing_mode "keyless" requires keyless_identity and keyless_oidc_issuer'];
  }
  return ['none', 'key', 'kms', 'keyless', '<unknown>'].includes(mode)
    ? []
    : [`signing_mode "${mode}" is not implemented`];
}

export const provenancePostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'provenance',
  summary: 'Writes statements of what the artifact was made from',
  schema: PROVENANCE_SCHEMA,
  check: (options) => ({ errors: checkSigning(options) }),
};

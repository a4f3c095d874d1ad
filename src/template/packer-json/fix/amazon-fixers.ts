import { FixError, builderFixer, isText, isTruth, rename } from './fixer.ts';

const isAmazon = (type: string): boolean => type.startsWith('amazon-');

export const shutdownBehavior = builderFixer(
  'amazon-shutdown_behavior',
  'Changes "shutdown_behaviour" to "shutdown_behavior" in Amazon builders.',
  isAmazon,
  (builder) => rename(builder, 'shutdown_behaviour', 'shutdown_behavior'),
);

export const enhancedNetworking = builderFixer(
  'amazon-enhanced-networking',
  'Replaces "enhanced_networking" in builders with "ena_support"',
  isAmazon,
  (builder) => rename(builder, 'enhanced_networking', 'ena_support', { fits: isTruth }),
);

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

export const privateIp = builderFixer(
  'amazon-private-ip',
  'Replaces `"ssh_private_ip": true` in amazon builders with `"ssh_interface": "private_ip"`',
  isAmazon,
  (builder) => {
    const given = builder['ssh_private_ip'];
    if (given === undefined || builder['ssh_interface'] !== undefined) return;
    const text = String(given);
    if (!TRUE.includes(text) && !FALSE.includes(text)) {
      throw new FixError(
        `ssh_private_ip is not a boolean, strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
      );
    }
    delete builder['ssh_private_ip'];
    builder['ssh_interface'] = TRUE.includes(text) ? 'private_ip' : 'public_ip';
  },
);

export const temporaryCidrs = builderFixer(
  'amazon-temp-sec-cidrs',
  'Replaces "temporary_security_group_source_cidr" (string) with "temporary_security_group_source_cidrs" (list of strings)',
  isAmazon,
  (builder) => {
    const range = builder['temporary_security_group_source_cidr'];
    if (range === undefined || !isText(range)) return;
    delete builder['temporary_security_group_source_cidr'];
    builder['temporary_security_group_source_cidrs'] = [range];
  },
);

const SPOT = ['amazon-ebs', 'amazon-ebssurrogate', 'amazon-ebsvolume', 'amazon-instance'];

export const spotPrice = builderFixer(
  'spot-price-auto-product',
  'Removes the deprecated "spot_price_auto_product" setting from Amazon builder templates',
  (type) => SPOT.includes(type),
  (builder) => {
    delete builder['spot_price_auto_product'];
  },
);

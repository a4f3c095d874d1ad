/** Comments that `-with-annotations` adds: what each part is, in our own words, where Packer writes its own. */
const DOCS = 'https://www.packer.io/docs/templates/hcl_templates';

export const FILE_HEADER = `# Made from a JSON template by hcl2_upgrade. Read it through before you use it.
# Its blocks may be spread over several files of one folder that end in
# '.pkr.hcl'; 'packer inspect FOLDER' then shows what is in the folder.

# Use either Go template calls such as \`\`\`{{ upper(\`text\`) }}\`\`\` or HCL2
# references such as '\${ var.name }' in one value, not both.
`;

export const PACKER_HEADER = `
# Which Packer and which plugins this needs: ${DOCS}/blocks/packer
`;

export const VARIABLES_HEADER = `
# Variables of the JSON template. There every value was text, so each has the
# type string; narrow it where another type is meant.
# ${DOCS}/variables#type-constraints`;

export const LOCALS_HEADER = `
# Values that are computed, which a variable's default cannot be.
# ${DOCS}/blocks/locals`;

export const SOURCES_HEADER = `
# One source for each builder of the JSON template; build blocks name them.
# ${DOCS}/blocks/source`;

export const BUILD_HEADER = `
# What is done with the sources, in this order: ${DOCS}/blocks/build
`;

const dataHeader = (kind: string, origin: string, title: string, page: string): string => `
# Data ${kind}, made from ${origin}. Sources and locals may refer to it.
# ${title}: https://www.packer.io/plugins/datasources/amazon/${page}
# ${DOCS}/blocks/data`;

export const AMI_HEADER = dataHeader(
  'amazon-ami',
  'amazon builder source_ami_filter',
  'Amazon AMI Data Source',
  'ami',
);

export const SECRETS_HEADER = dataHeader(
  'amazon-secretsmanager',
  'aws_secretsmanager template function',
  'Amazon Secrets Manager Data Source',
  'secretsmanager',
);

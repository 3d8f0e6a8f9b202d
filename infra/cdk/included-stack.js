// One SAM template as a CDK stack.

const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Fn, Stack } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { Asset } = require('aws-cdk-lib/aws-s3-assets');

class IncludedStack extends Stack {
  constructor(scope, id, { env, template, parameters, artifacts }) {
    super(scope, id, { env });
    const text = fs.readFileSync(template, 'utf8');
    const generated = generatedAttributes(text);
    const declared = new Set([...section(text, 'Parameters').matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]));
    const asked = [...declared].map((name) => [name, this.node.tryGetContext(name)]).filter(([, value]) => value !== undefined);
    const own = [...asked, ...Object.entries(parameters).filter(([name]) => declared.has(name))];

    const code = new Map();
    const versions = {};
    for (const [properties, logical, uri] of text.matchAll(/^ {2}(\w+):\n {4}Type: AWS::Serverless::Function\n(?:.*\n)*? {6}CodeUri: (\S+)\n(?: {6}.*\n)*/gm)) {
      const asset = new Asset(this, `${logical}Code`, { path: built(artifacts, path.basename(uri)) });
      code.set(logical, asset);
      // SAM looks at code alone, so a function with an alias would never read another parameter. With this its version moves with any.
      const hash = properties.match(/AutoPublishCodeSha256: !Ref (\w+)/)?.[1];
      if (hash) versions[hash] = crypto.createHash('sha256').update(asset.assetHash + JSON.stringify(own)).digest('hex');
    }

    const included = new CfnInclude(this, 'Template', {
      templateFile: write(withParameters(text, generated)),
      preserveLogicalIds: true,
      parameters: {
        ...Object.fromEntries(own.map(([name, value]) => [name, ['SourceAccountIds', 'MoreServices', 'ReaderArns'].includes(name) ? value.split(',') : value])),
        ...Object.fromEntries(generated.map(({ parameter, value }) => [parameter, value])),
        ...versions,
      },
    });
    for (const [logical, asset] of code) included.getResource(logical).codeUri = { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
  }
}

// What the SAM transform will make, such as a function's role: CfnInclude, which sees the template before it, knows no such resource.
function generatedAttributes(text) {
  const named = `${section(text, 'Parameters')}${section(text, 'Resources')}`;
  const known = new Set([...named.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]));
  const found = new Map();
  for (const [expression, resource, attribute] of text.matchAll(/!GetAtt (\w+)\.(\w+)/g)) {
    if (!known.has(resource)) found.set(expression, { expression, parameter: `${resource}${attribute}`, value: Fn.getAtt(resource, attribute) });
  }
  for (const [expression, resource] of text.matchAll(/!Ref (\w+)(?![\w:])/g)) {
    if (!known.has(resource)) found.set(expression, { expression, parameter: `${resource}Name`, value: Fn.ref(resource) });
  }
  return [...found.values()];
}

// Reads them as parameters, which CfnInclude replaces by the value itself.
function withParameters(text, generated) {
  let changed = text;
  for (const { expression, parameter } of generated) {
    changed = changed.replace(new RegExp(`${expression.replace('.', '\\.')}(?![\\w:])`, 'g'), `!Ref ${parameter}`);
    changed = changed.replace('\nParameters:\n', `\nParameters:\n  ${parameter}: { Type: String }\n`);
  }
  return changed;
}

function section(text, name) {
  const start = text.indexOf(`\n${name}:\n`);
  const rest = start < 0 ? '' : text.slice(start + name.length + 3);
  const end = rest.search(/^\S/m);
  return end < 0 ? rest : rest.slice(0, end);
}

function write(text) {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'airline-')), 'template.yaml');
  fs.writeFileSync(file, text);
  process.on('exit', () => fs.rmSync(path.dirname(file), { recursive: true, force: true }));
  return file;
}

// A zip as cargo-lambda makes it, or the folder with the binary.
function built(artifacts, name) {
  const folder = path.join(artifacts, name);
  const zip = path.join(folder, 'bootstrap.zip');
  if (fs.existsSync(zip)) return zip;
  if (fs.existsSync(path.join(folder, 'bootstrap'))) return folder;
  throw new Error(`${folder} has no bootstrap: build it, or name another place by -c artifacts=`);
}

module.exports = { IncludedStack };

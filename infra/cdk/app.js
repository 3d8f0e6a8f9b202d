// The SAM templates of infra/, deployed by CDK. Nothing is defined here but which account gets which template, in which order, and where
// the functions' code is. Whatever a template has as a parameter stays one, given by its name: `-c MileageApiUrl=https://...`.
//
//   -c stage=dev -c region=eu-west-1                         what to deploy
//   -c booking=111111111111 -c mileage=222222222222 -c observability=333333333333
//   -c organization=o-abcdefghij                             accounts of it may link; otherwise the two above
//   -c linked=true                                           once CloudWatch takes alarms on the source accounts' metrics
//   -c artifacts=../../target/lambda                         what `make package` built
//   -c nag=true                                              AwsSolutions rules; errors fail the synthesis
//
// The order is that of infra/deployment/steps.py: first without, then again with `linked=true` and what was not known before.

const fs = require('node:fs');
const path = require('node:path');
const { App, Aspects } = require('aws-cdk-lib');
const { AwsSolutionsChecks } = require('cdk-nag');
const { IncludedStack } = require('./included-stack');
const { suppress } = require('./nag');

const app = new App();
const given = (name, fallback) => app.node.tryGetContext(name) ?? fallback;
const account = (name, fallback) => {
  const id = String(given(name, fallback));
  if (!/^\d{12}$/.test(id)) throw new Error(`-c ${name}=<12 digits>, not ${id}`);
  return id;
};

const stage = given('stage', 'dev');
const region = given('region', 'eu-west-1');
// Placeholders, so that a synthesis needs no account.
const booking = account('booking', '111111111111');
const mileage = account('mileage', '222222222222');
const observability = account('observability', '333333333333');
const artifacts = path.resolve(__dirname, given('artifacts', '../../target/lambda'));
const accounts = { BookingAccountId: booking, MileageAccountId: mileage, SourceAccountIds: `${booking},${mileage}` };
const common = { Stage: stage, OrganizationId: given('organization', ''), ...accounts };

const linked = String(given('linked', 'false')) === 'true';

const stack = (name, template, of, own = {}) =>
  new IncludedStack(app, `airline-${name}`, {
    env: { account: of, region },
    template: path.resolve(__dirname, '..', template),
    parameters: { ...common, ...own },
    artifacts,
  });
// Each after the one before it.
const inOrder = (...stacks) => stacks.reduce((before, after) => (after.addStackDependency(before), after));

// What `make new-service` made, by its line in project.toml.
const project = fs.readFileSync(path.resolve(__dirname, '../../project.toml'), 'utf8');
const names = [...project.matchAll(/^([a-z0-9-]+) = \{.* service = true \}$/gm)].map(([, name]) => name);

const watching = stack('observability', 'observability/template.yaml', observability, { SourceAccountsLinked: String(linked) });
const atRest = stack('logs', 'logs/template.yaml', observability, { MoreServices: names.flatMap((name) => [name, `${name}-api`]).join(',') });
// By name, as an account knows what is of another's.
const sent = { LogDestinationArn: `arn:aws:logs:${region}:${observability}:destination:logs-at-rest-${stage}` };
const ofBooking = stack('source-booking', 'source-account/template.yaml', booking, { ApiName: 'booking' });
const ofMileage = stack('source-mileage', 'source-account/template.yaml', mileage, { ApiName: 'mileage' });
// Each account's own stream, which is there once its source stack is told where the control plane is.
const refusals = (of) => (given('ControlPlaneIntakeUrl', '') ? { AccessLogsStreamArn: `arn:aws:firehose:${region}:${of}:deliverystream/access-logs-${stage}` } : {});
const bookings = stack('booking', 'booking/template.yaml', booking, { ...sent, ...refusals(booking) });
const miles = stack('mileage', 'mileage/template.yaml', mileage, { ...sent, ...refusals(mileage) });
const pages = stack('portal', 'portal/template.yaml', booking);
const services = names.map((name) => stack(name, `${name}/template.yaml`, booking, { ...sent, ...refusals(booking) }));
if (linked) inOrder(atRest, ofBooking, ofMileage, bookings, miles, pages, ...services, watching);
else inOrder(watching, atRest, ofBooking, ofMileage, bookings, miles, pages, ...services);

if (String(given('nag', 'false')) === 'true') {
  suppress(app);
  Aspects.of(app).add(new AwsSolutionsChecks());
}

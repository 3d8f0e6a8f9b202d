// AwsSolutions rules that are left out, and why.

const { NagSuppressions } = require('cdk-nag');

const REASONS = [
  { id: 'AwsSolutions-COG2', reason: 'MFA is the identity owner\'s choice; the reference pool is for tokens with a tenant.' },
  { id: 'AwsSolutions-COG8', reason: 'The plus plan is a matter of price.' },
  { id: 'AwsSolutions-COG1', reason: 'Twelve characters with mixed case and digits; symbols make people write passwords down.' },
  { id: 'AwsSolutions-S1', reason: 'Objects are written once, by a service, and expire; nobody reads them through a browser.' },
  { id: 'AwsSolutions-S10', reason: 'Written by Lambda and Synthetics, which use TLS; nobody else has access.' },
  { id: 'AwsSolutions-SQS3', reason: 'Each is a dead-letter queue itself, or has one; infra/checks tells which.' },
  { id: 'AwsSolutions-SQS4', reason: 'Only SNS, EventBridge and Lambda send, by TLS; the queue policies let nobody else.' },
  { id: 'AwsSolutions-CFR1', reason: 'An airline\'s users are everywhere.' },
  { id: 'AwsSolutions-CFR2', reason: 'A web ACL is a parameter; it is made in us-east-1, in a stack of its owner\'s.' },
  { id: 'AwsSolutions-CFR3', reason: 'The portal\'s files are the same for everybody; who did what is in the APIs\' spans.' },
  { id: 'AwsSolutions-CFR4', reason: 'Its own domain gets TLS 1.2 and later; CloudFront\'s own certificate leaves no choice.' },
  { id: 'AwsSolutions-SMG4', reason: 'The canary\'s password is that of a user in another account, the key of access logs is the control plane\'s too; rotating one needs the other.' },
  {
    id: 'AwsSolutions-IAM4',
    reason: 'API Gateway refuses a role to log by that may do less than this.',
    appliesTo: ['Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs'],
  },
  {
    id: 'AwsSolutions-IAM5',
    reason: 'Of the canary\'s role: actions without a resource, objects of its own bucket, log groups that Synthetics names itself.',
    appliesTo: [
      'Resource::*',
      'Resource::<CanaryArtifacts.Arn>/*',
      'Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/lambda/cwsyn-*',
    ],
  },
  { id: 'AwsSolutions-IAM5', reason: 'Of who delivers access logs: objects of its own bucket.', appliesTo: ['Resource::<AccessLogsUndelivered.Arn>/*'] },
  {
    id: 'AwsSolutions-IAM5',
    reason: 'Of who writes and reads logs at rest: objects under one prefix of one bucket.',
    appliesTo: ['logs', 'errors', 'results'].map((prefix) => `Resource::<LogsBucket.Arn>/${prefix}/*`),
  },
];

function suppress(app) {
  for (const stack of app.node.children) NagSuppressions.addStackSuppressions(stack, REASONS);
}

module.exports = { suppress };

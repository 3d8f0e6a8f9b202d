// Decides cases, and looks for the case that sees each mutant of a policy. Reads JSON on its standard input:
//   policies  documents by id
//   cases     { principal, action, resource, account, context, identity: [ids], resourcePolicy: id or null, allowed }
//   mutants   { policy, document, narrows }: a policy's document changed in one place, so that it allows less, or more
// and writes { decisions: ["Allowed" | "Denied" | "error: ..."], caught: [index of a case or null] }, in the order given.
import { readFileSync } from 'node:fs';

import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate';

const { policies, cases, mutants } = JSON.parse(readFileSync(0, 'utf8'));
const organization = [
  { orgIdentifier: 'r-root', policies: [{ name: 'all', policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] } }] },
];

async function decide({ principal, action, resource, account, context, identity, resourcePolicy }, document) {
  const answer = await runSimulation(
    {
      request: { principal: principal === 'anonymous' ? anonymousPrincipal : principal, action, resource: { resource, accountId: account }, contextVariables: context },
      identityPolicies: identity.map((id) => ({ name: id, policy: document(id) })),
      // Service control policies bind an account's principals, not AWS's services.
      serviceControlPolicies: principal.startsWith('arn:') ? organization : [],
      resourceControlPolicies: [],
      resourcePolicy: resourcePolicy ? document(resourcePolicy) : undefined,
    },
    { simulationMode: 'Strict' },
  );
  if (answer.errors) return `error: ${JSON.stringify(answer.errors)}`;
  const result = answer.overallResult ?? answer.analysis?.result;
  return result === 'Allowed' ? 'Allowed' : 'Denied';
}

const decisions = [];
for (const one of cases) decisions.push(await decide(one, (id) => policies[id]));

const using = new Map();
cases.forEach((one, index) => {
  for (const id of new Set([...one.identity, one.resourcePolicy])) if (id) using.set(id, [...(using.get(id) ?? []), index]);
});
const caught = [];
for (const mutant of mutants) {
  let by = null;
  for (const index of using.get(mutant.policy) ?? []) {
    // What is allowed already stays so when more is, and the other way round.
    if ((decisions[index] === 'Allowed') !== mutant.narrows) continue;
    const decision = await decide(cases[index], (id) => (id === mutant.policy ? mutant.document : policies[id]));
    // A document that cannot be read decides nothing.
    if (decision !== decisions[index] && !decision.startsWith('error')) {
      by = index;
      break;
    }
  }
  caught.push(by);
}
process.stdout.write(JSON.stringify({ decisions, caught }));

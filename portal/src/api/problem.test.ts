import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure, parseProblem } from "./problem.ts";

test("fields are named as in the request", () => {
  const text = JSON.stringify({ detail: "No.", code: "invalid_booking", errors: [{ field: "/to_airport", detail: "is wrong" }] });
  const failure = new Failure("refused", "No.", parseProblem(422, text));
  assert.deepEqual(failure.fields, { to_airport: "is wrong" });
});

test("whatever answers is a problem", () => {
  for (const text of ["", "<html>", "null", "[]", '{"errors":[null,{"field":1}],"detail":7}']) {
    const problem = parseProblem(502, text);
    assert.deepEqual([problem.errors, problem.detail], [[], "The service answered with status 502."]);
  }
});

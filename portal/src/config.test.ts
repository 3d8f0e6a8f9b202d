import assert from "node:assert/strict";
import { test } from "node:test";

import { parseConfig } from "./config.ts";

const config = {
  booking_url: "https://a.example/dev/",
  mileage_url: "/mileage",
  user_pool_id: "us-east-1_x",
  user_pool_client_id: "y",
  trace_link: "/traces/{trace_id}",
  trace_link_name: "control plane",
};

test("base URLs end without a slash", () => {
  assert.equal(parseConfig(config).booking_url, "https://a.example/dev");
});

test("without the control plane's URL there is none", () => {
  assert.equal(parseConfig({ ...config, control_plane_url: "https://c.example/" }).control_plane_url, "https://c.example");
  for (const absent of [undefined, ""]) assert.ok(!("control_plane_url" in parseConfig({ ...config, control_plane_url: absent })));
});

test("what is missing is named", () => {
  assert.throws(() => parseConfig({ ...config, mileage_url: undefined, trace_link: 1 }), /no mileage_url, trace_link$/);
  assert.throws(() => parseConfig(null), /no booking_url/);
});

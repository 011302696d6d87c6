import { expect, it } from "vitest";
import { choices } from "./models";
import type { Models } from "./protocol";

const told: Models = {
  models: [{ name: "reader", version: "1.0", roles: ["champion"], quantization: "Q8_0", size_bytes: 520_000_000, memory_bytes: 1_250_000_000 }],
  roles: { champion: "reader@1.0", challenger: null, previous: null, share: 0 },
  partial: [],
  trial: {},
  presets: [
    { name: "small", spec: "hf://x/small.gguf", size: 1.1, memory: 1.6, about: "code, any laptop" },
    { name: "reader", spec: "hf://x/reader.gguf", size: 1, memory: 1, about: "here already" },
  ],
  offers: [],
  setting: "auto",
  can_run: true,
};

it("size and memory of each model are told before it is chosen", () => {
  expect(choices(told).map(({ label, description, fetched }) => [label, description, fetched])).toEqual([
    ["Quotations", "no model, no memory", undefined],
    ["$(check) reader@1.0", "Q8_0, 520 MB on disk, 1.3 GB of memory", undefined],
    ["Can be fetched", undefined, undefined],
    ["small", "1.1 GB to fetch from Hugging Face, 1.6 GB of memory; code, any laptop", true],
  ]);
});

it("quotations are what answers where nothing was chosen", () => {
  expect(choices({ ...told, roles: { ...told.roles, champion: null } })[0]?.label).toBe("$(check) Quotations");
});

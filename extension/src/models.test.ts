import { describe, expect, it, vi } from "vitest";
import { chooseModel, choices } from "./models";
import type { Models, UseParams } from "./protocol";
import type { Requests } from "./requests";
import { window, workspace } from "./vscode.fake";

const told: Models = {
  models: [{ name: "reader", version: "1.0", roles: ["champion"], quantization: "Q8_0", size_bytes: 520_000_000, memory_bytes: 1_250_000_000 }],
  roles: { champion: "reader@1.0", challenger: null, previous: null, share: 0 },
  own: false,
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

describe("in a repository that has a choice of its own", () => {
  const used: UseParams[] = [];
  const pick = vi.fn();
  Object.assign(window, { showQuickPick: pick });
  const requests = {
    status: () => Promise.resolve({ roots: [{ root: "file:///shop" }] }),
    models: () => Promise.resolve({ ...told, own: true }),
    useModel: (params: UseParams) => Promise.resolve(void used.push(params)),
  } as unknown as Requests;
  /** Choose by the beginnings of labels, one of each list. */
  const choose = async (...labels: string[]): Promise<UseParams[]> => {
    used.length = 0;
    for (const label of labels) pick.mockImplementationOnce((items: readonly { label: string }[]) => Promise.resolve(items.find((item) => item.label.startsWith(label))));
    await chooseModel({ requests } as unknown as Parameters<typeof chooseModel>[0]);
    return used;
  };

  it("it is asked whether that is meant, or all, which it follows then", async () => {
    expect(await choose("Quotations", "In This")).toEqual([{ model: "none", root: "file:///shop" }]);
    expect(await choose("Quotations", "Everywhere")).toEqual([{ model: "none" }, { model: "auto", root: "file:///shop" }]);
    expect(await choose("Quotations", "Neither")).toEqual([]);
  });

  it("nothing is chosen where the folder is not trusted", async () => {
    workspace.isTrusted = false;
    expect(await choose("Quotations")).toEqual([]);
    workspace.isTrusted = true;
  });
});

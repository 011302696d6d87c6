import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Hooks } from "./connection";
import { connect } from "./languageClient";
import { CLIENT_DEFAULTS, SERVER_DEFAULTS, serverSettings } from "./settings";
import { set, workspace } from "./vscode.fake";

const given = vi.hoisted((): { options: { initializationOptions?: unknown } } => ({ options: {} }));
vi.mock("vscode-languageclient/node", () => ({
  LanguageClient: class {
    constructor(_id: string, _name: string, _server: unknown, options: object) {
      given.options = options;
    }
    registerFeature(): void {}
    onDidChangeState(): void {}
    start(): Promise<void> {
      return Promise.resolve();
    }
  },
  RevealOutputChannelOn: {},
  ExecuteCommandRequest: {},
}));

interface Property {
  readonly default: unknown;
  readonly type: string;
  readonly scope: string;
  readonly markdownDescription: string;
}
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  contributes: { configuration: { properties: Record<string, Property> }[]; commands: { command: string }[]; menus: Record<string, { command?: string }[]>; keybindings: { command: string }[] };
};
const properties = Object.assign({}, ...manifest.contributes.configuration.map((group) => group.properties)) as Record<string, Property>;
const page = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");

describe("the manifest's settings", () => {
  it("are those of the server and of the extension, with the same defaults", () => {
    const expected = Object.entries({ ...SERVER_DEFAULTS, ...CLIENT_DEFAULTS }).map(([key, value]) => [`whence.${key}`, value]);
    expect(Object.fromEntries(Object.entries(properties).map(([key, { default: value }]) => [key, value]))).toEqual(Object.fromEntries(expected));
  });

  it("have the defaults that docs/protocol.md lists, which the server's tests compare with its own", () => {
    const rows = [...(page.split("## Settings\n")[1] ?? "").matchAll(/^\| `(\w+)` \| `([^`]+)`/gm)].map(([, key, value]) => [key, JSON.parse(value ?? "") as unknown]);
    expect(Object.fromEntries(rows)).toEqual(SERVER_DEFAULTS);
  });

  it("are of the type of their default, and described", () => {
    for (const { type, default: value, markdownDescription } of Object.values(properties)) {
      expect(typeof value).toBe(type);
      expect(markdownDescription.length).toBeGreaterThan(20);
    }
  });

  it("hold for the window, as its one server has one set for all folders", () => {
    expect(new Set(Object.values(properties).map(({ scope }) => scope))).toEqual(new Set(["window", "machine"]));
  });

  it("that name programs and addresses cannot be set by a repository", () => {
    const risky = Object.keys(CLIENT_DEFAULTS).filter((key) => key !== "chat.enabled").map((key) => `whence.${key}`);
    expect(risky.map((key) => properties[key]?.scope)).toEqual(risky.map(() => "machine"));
    expect(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.sort()).toEqual(risky.sort());
  });
});

it("every command of a menu or a key is there", () => {
  const { commands, menus, keybindings } = manifest.contributes;
  const known = new Set(commands.map(({ command }) => command));
  const used = [...Object.values(menus).flat(), ...keybindings].flatMap(({ command }) => command ?? []);
  expect(used.filter((command) => !known.has(command))).toEqual([]);
  const source = readFileSync(new URL("commands.ts", import.meta.url), "utf8") + readFileSync(new URL("protocol.ts", import.meta.url), "utf8");
  expect([...known].filter((command) => !source.includes(`"${command}"`))).toEqual([]);
});

describe("what the server is told", () => {
  beforeEach(() => {
    for (const key of Object.keys(set)) Reflect.deleteProperty(set, key);
  });

  it("is what somebody set, and nothing of the extension's own", () => {
    Object.assign(set, { "whence.codeLens": true, "whence.server.path": "/opt/whence" });
    expect(serverSettings()).toEqual({ codeLens: true });
  });

  it("is, of a folder that is not trusted, that no model reads it and nothing is learnt from it as it says", () => {
    Object.assign(set, { "whence.model": "reader", "whence.codeLens": true });
    workspace.isTrusted = false;
    expect(serverSettings()).toEqual({ model: "none", trainingConfig: "", codeLens: true });
    workspace.isTrusted = true;
  });

  it("is what holds when a server starts, also in the place of one that died", async () => {
    set["whence.hover"] = false;
    await connect({ command: "whence", args: [] }, { settings: serverSettings } as unknown as Hooks);
    Reflect.deleteProperty(set, "whence.hover");
    const { initializationOptions: told } = given.options; // the library calls what is a function at each start
    expect(typeof told === "function" ? (told as () => unknown)() : told).toEqual({});
  });
});

import { describe, expect, it, vi } from "vitest";
import type * as vscode from "vscode";
import type { Connection, Hooks } from "./connection";
import { Requests, WireMismatchError } from "./requests";
import { NoServerError, Server } from "./server";
import { commands, window } from "./vscode.fake";

const info = vi.fn();
const log = { info, warn: vi.fn(), error: vi.fn(), debug: vi.fn(), show: vi.fn() } as unknown as vscode.LogOutputChannel;

function started(answer: unknown = {}) {
  const states: string[] = [];
  let hooks: Hooks | undefined;
  const stop = vi.fn(() => Promise.resolve());
  const connection: Connection = { name: "whence 1.0", request: () => Promise.resolve(answer), onPartial: () => ({ dispose: () => undefined }), settingsChanged: () => Promise.resolve(), pid: 1, stop };
  const connect = vi.fn((_: unknown, given: Hooks) => {
    hooks = given;
    given.running();
    return Promise.resolve(connection);
  });
  const server = new Server(() => Promise.resolve({ command: "whence", args: ["lsp"] }), () => Promise.resolve(connect), log);
  server.onDidChange((state) => states.push(state.kind));
  return { server, states, connect, stop, hooks: () => hooks as Hooks };
}

describe("the server", () => {
  it("is started once, when it is first asked", async () => {
    const { server, states, connect } = started();
    expect(server.state.kind).toBe("off");
    await Promise.all([server.connection(), server.connection()]);
    expect(connect).toHaveBeenCalledTimes(1);
    expect(states.at(-1)).toBe("running");
  });

  it("is restarted when asked", async () => {
    const { server, connect, stop } = started();
    await server.connection();
    await server.restart();
    expect([stop.mock.calls.length, connect.mock.calls.length, server.state.kind]).toEqual([1, 2, "running"]);
  });

  it("that hangs leaves no question open when it is restarted, even if it does not stop", async () => {
    const { server, stop } = started(new Promise(() => undefined));
    stop.mockRejectedValueOnce(new Error("Stopping the server timed out"));
    const asked = new Requests(server).status();
    const told = expect(asked).rejects.toThrow("The server was restarted before it had answered");
    await server.connection();
    await server.restart();
    await told;
    expect(server.state.kind).toBe("running");
  });

  it("tells the log what runs where, and how long the first index took", async () => {
    const { server, hooks } = started();
    await server.connection();
    expect(info).toHaveBeenLastCalledWith(expect.stringMatching(/^whence 1\.0, process 1, answers after \d.* s: whence lsp; folders: \/r\/shop$/));
    const run = { title: "Whence: indexing shop", message: "", percentage: undefined, cancel: () => undefined };
    hooks().progress([run]);
    hooks().progress([{ ...run, percentage: 90 }]);
    hooks().progress([]);
    expect(info).toHaveBeenLastCalledWith(expect.stringMatching(/^Whence: indexing shop ended after \d.* s$/));
  });

  it("that died is shown as coming back, and as failed when it died too often", async () => {
    const { server, hooks } = started();
    await server.connection();
    hooks().lost(true);
    expect(server.state.kind).toBe("starting");
    hooks().running();
    hooks().lost(false);
    expect(server.state).toMatchObject({ kind: "failed", setup: false });
  });

  it("tells what training came to, with the way there, and keeps its small talk to the log", async () => {
    const { server, hooks } = started();
    const [told, warned, run] = [vi.spyOn(window, "showInformationMessage"), vi.spyOn(window, "showWarningMessage"), vi.spyOn(commands, "executeCommand")];
    await server.connection();
    told.mockResolvedValueOnce("Show Training" as never);
    hooks().message("Whence: training on shop: completed; it made shop-qa-lora@1.0", "info");
    await vi.waitFor(() => expect(run).toHaveBeenCalledWith("whence.showTraining"));
    hooks().message("Whence: training on shop: no better than the base", "warning");
    expect(warned).toHaveBeenLastCalledWith("Whence: training on shop: no better than the base", "Show Training");
    hooks().message("Whence: training on shop: stopped", "log");
    hooks().message("Whence: 3 files were read", "info");
    expect([told.mock.calls.length, warned.mock.calls.length]).toEqual([1, 1]);
  });

  it("is waited for while it starts, and not for longer than it is worth", async () => {
    const { server, hooks } = started();
    await server.connection();
    hooks().lost(true);
    expect((await server.settled(10)).kind).toBe("starting");
    const settled = server.settled(60_000);
    hooks().running();
    expect((await settled).kind).toBe("running");
    expect((await server.settled(60_000)).kind).toBe("running");
  });

  it("that is not set up says so, and can be started later", async () => {
    let ready = false;
    const { connect } = started();
    const server = new Server(() => (ready ? Promise.resolve({ command: "w", args: [] }) : Promise.reject(new NoServerError("not set up", true))), () => Promise.resolve(connect), log);
    await expect(server.connection()).rejects.toThrow("not set up");
    expect(server.state).toMatchObject({ kind: "failed", setup: true });
    ready = true;
    await server.restart();
    expect(server.state.kind).toBe("running");
  });
});

it("takes nothing from a server that speaks otherwise", async () => {
  const { server } = started({ roots: [{ root: 5 }] });
  await expect(new Requests(server).status()).rejects.toThrow(WireMismatchError);
  await expect(new Requests(server).status()).rejects.toThrow(/whence\/status differs in roots\.0\.root/);
});

import { expect, it } from "vitest";
import { program, redacted, serverCheck, settingsTold } from "./diagnostics";
import { set } from "./vscode.fake";

it("leaves out where things are and whom they are of", () => {
  const report = redacted(
    "python: /home/ada/.cache/env/bin/python3, repo /home/ada/shop/pay.py, C:\\Users\\ada\\x.log, https://user:token@host/simple, ada@example.org, Ann.Smith@mail.acme.co.uk; model reader@0.1, shop-qa-lora@1.0.dev3, 12/24 files",
    ["/home/ada/shop"],
  );
  expect(report).toBe("python: …/python3, repo …/pay.py, …/x.log, ‹address›, ‹mail›, ‹mail›; model reader@0.1, shop-qa-lora@1.0.dev3, 12/24 files");
});

it("tells that models and files are set, never which", () => {
  Object.assign(set, { "whence.model": "C:\\Users\\Ann Smith\\m.gguf", "whence.trainingConfig": "acme-merger/conf/t.yaml", "whence.wheelhouse": "/Volumes/My Disk/wheels", "whence.hover": false, "whence.unsupported": "drop" });
  expect(settingsTold()).toEqual({ model: "set", trainingConfig: "set", wheelhouse: "set", hover: false, unsupported: "drop" });
  set["whence.model"] = "none";
  expect(settingsTold()).toMatchObject({ model: "none" });
});

it("names the version of a program that there is", async () => {
  expect(await program("node", process.execPath)).toEqual({ what: `node: ${process.version}`, problem: undefined });
  expect(await program("git", "/no/such/git")).toEqual({ what: "git", problem: "not there" });
});

it("says of the server what a person can do", () => {
  expect(serverCheck({ kind: "running" }).problem).toBeUndefined();
  expect(serverCheck({ kind: "failed", detail: "It is not set up yet", setup: true }).fix).toContain("Set Up");
  expect(serverCheck({ kind: "starting", detail: "Setting up Whence" }).problem).toContain("Setting up");
});

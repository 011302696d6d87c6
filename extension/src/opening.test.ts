import { expect, it, vi } from "vitest";
import type * as vscode from "vscode";
import { merged } from "./answer.fake";
import { openCitation } from "./opening";
import type { Reports } from "./reports";
import { commands, extensions } from "./vscode.fake";

it("opens a commit that names a pull request as its diff", async () => {
  const repository = {
    getCommit: (hash: string) => Promise.resolve({ hash, message: "Add async support (#3412)\n\nSo that views can be.", parents: ["0"] }),
    diffBetween: () => Promise.resolve([{ uri: "app.py", originalUri: "app.py", renameUri: undefined, status: 5 }]),
  };
  const git = { getRepository: () => repository, toGitUri: (uri: string, ref: string) => `${uri}@${ref}` };
  vi.spyOn(extensions, "getExtension").mockReturnValue({ isActive: true, exports: { enabled: true, getAPI: () => git } });
  const run = vi.spyOn(commands, "executeCommand");
  await openCitation(merged, "file:///r", { log: {} as vscode.LogOutputChannel, reports: undefined as unknown as Reports });
  expect(run).toHaveBeenCalledWith("vscode.changes", "1a2b3c4 Add async support (#3412)", [["app.py", "app.py@0", "app.py@1a2b3c4d5e6f"]]);
});

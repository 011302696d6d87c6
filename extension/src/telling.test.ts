import { expect, it } from "vitest";
import { ledBy } from "./opening";
import { lackOf } from "./chat";
import { escaped, messageOf, unlinked } from "./telling";

it("lets no name of a repository be a link that runs a command", () => {
  expect(unlinked("[Show details](command:workbench.action.quit) could not be opened.")).not.toContain("](");
});

it("lets no setting of a repository fetch a picture, and keeps to its line", () => {
  expect(escaped("whence.toml: ![](https://evil.example/beacon.png) <img src=x>\n# no setting")).toBe("whence.toml: !\\[\\](https://evil.example/beacon.png) \\<img src=x\\> # no setting");
});

it("begins a commit with the file that was asked about, by the name it has now", () => {
  const [a, b, c] = ["file:///a", "file:///b", "file:///c"].map((uri) => ({ uri, renameUri: undefined }));
  if (!a || !b || !c) throw new Error();
  const moved = { ...b, renameUri: "file:///d" };
  const changes = [a, moved, c] as unknown as Parameters<typeof ledBy>[1];
  expect(ledBy("file:///d", changes)).toEqual([moved, a, c]);
  expect(ledBy("file:///elsewhere", changes)).toEqual(changes);
  expect(ledBy(undefined, changes)).toEqual(changes);
});

it("tells in chat what a command lacks, and asks nothing then", () => {
  expect(lackOf("why", " ", false)).toContain("put the cursor on the lines");
  expect(lackOf("where", "", true)).toContain("what you look for");
  expect([lackOf("why", "", true), lackOf("why", "is it slow", false), lackOf(undefined, "", false)]).toEqual([undefined, undefined, undefined]);
});

it("says plainly that the server went while an answer was due", () => {
  const error = Object.assign(new Error("Pending response rejected since connection got disposed"), { code: -32097 });
  expect(messageOf(error)).toBe("The server ended before it had answered");
});

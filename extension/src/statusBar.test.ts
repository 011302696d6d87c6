import { expect, it, vi } from "vitest";
import type * as vscode from "vscode";
import type { Progress } from "./connection";
import type { Root } from "./protocol";
import type { Requests } from "./requests";
import type { Server } from "./server";
import { SERVER_DEFAULTS } from "./settings";
import { shownOf, StatusBar, summary, writerOf } from "./statusBar";
import { EventEmitter } from "./vscode.fake";

const settings = SERVER_DEFAULTS;
const index = { adapted: null, chunks: 9, commits: 1, dimension: 256, embedder: "static", files: 1200, fresh: true, head: "a", hunks: 1, index_bytes: 1, indexed_at: "", memory_bytes: 1, pending: { commits: 0, files: 0 }, redacted: {}, schema: 1, sources: [], threads: 0, vectors: 9 };
const ready: Root = { root: "file:///r/my%20shop", indexing: false, paused: false, problem: null, settings, active: { champion: null, challenger: null, previous: null, share: 0 }, index };
const running = { kind: "running" } as const;

it("says what an index holds", () => {
  expect(shownOf(running, [], [ready])).toMatchObject({ text: "Whence", detail: "my shop: 1,200 files, 1 commit", severity: "ok", busy: false });
  expect(summary({ ...ready, index: null })).toBe("my shop: no index yet, files are searched as they are");
});

it("shows how far the first index is, with a way to stop it", () => {
  const run = { title: "Whence: indexing shop", message: "Reading commits", percentage: 43, cancel: () => undefined };
  expect(shownOf(running, [run], [])).toMatchObject({ text: "Whence 43%", detail: "indexing shop: Reading commits", busy: true, fix: { command: "whence.stopIndexing" } });
});

it("offers with each problem what mends it", () => {
  expect(shownOf(running, [], [{ ...ready, problem: "the disk is full" }])).toMatchObject({ severity: "warning", detail: "my shop: the disk is full", fix: { command: "whence.reindex" } });
  expect(shownOf(running, [], [{ ...ready, paused: true }])).toMatchObject({ severity: "warning", fix: { title: "Resume" } });
  expect(shownOf({ kind: "failed", detail: "gone", setup: false }, [], [])).toMatchObject({ severity: "error", fix: { command: "whence.restart" } });
  expect(shownOf({ kind: "failed", detail: "not set up", setup: true }, [], [])).toMatchObject({ severity: "warning", fix: { command: "whence.setUp" } });
});

it("names who answers: what was chosen, if it can run, or what the setting says", () => {
  const chosen: Root = { ...ready, active: { champion: "reader@1.0", challenger: "tuned@2.0", previous: null, share: 20 } };
  expect(writerOf(ready, true)).toBe("quotations, no model");
  expect(writerOf(chosen, true)).toBe("reader@1.0, tuned@2.0 for 20 %");
  expect(writerOf(chosen, false)).toBe("quotations, as what runs models is not installed (reader@1.0, tuned@2.0 for 20 %)");
  expect(writerOf({ ...chosen, settings: { ...settings, model: "none" } }, false)).toBe("quotations, no model");
  expect(writerOf({ ...chosen, settings: { ...settings, model: "http://127.0.0.1/v1#big" } }, false)).toBe("http://127.0.0.1/v1#big");
});

it("asks for the state of the index when a run has begun or ended, not while it goes on for hours", async () => {
  vi.useFakeTimers();
  const [changed, moved] = [new EventEmitter<unknown>(), new EventEmitter<readonly Progress[]>()];
  const server = { state: running, progress: [] as readonly Progress[], onDidChange: changed.event, onDidProgress: moved.event };
  const status = vi.fn(() => Promise.resolve({ roots: [ready], can_run: true }));
  const requests = { status, onDidChange: new EventEmitter<unknown>().event };
  new StatusBar(server as unknown as Server, requests as unknown as Requests, {} as vscode.LogOutputChannel);
  const report = async (...runs: Progress[]): Promise<void> => {
    moved.fire((server.progress = runs));
    await vi.advanceTimersByTimeAsync(1000);
  };
  for (let percentage = 0; percentage < 100; percentage++) await report({ title: "Whence: training on shop", message: "Training", percentage, cancel: () => undefined });
  expect(status).toHaveBeenCalledTimes(1); // when it began
  await report();
  expect(status).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

// The real editor in a real browser: code-server with the extension installed, and what a person does in it.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Browser, chromium, type Frame, type Locator, type Page } from "playwright-core";

export const PATIENCE = Number(process.env["WHENCE_E2E_PATIENCE"] ?? 60_000);

export interface Places {
  /** The folder with node 24 and code-server, as prepare.sh makes it. */
  readonly tools: string;
  readonly vsix: string;
  /** Where this run keeps its profile, extensions and pictures. */
  readonly run: string;
  readonly chromium: string;
}

export interface Surroundings {
  /** Further extensions, as VSIX. */
  readonly extensions?: readonly string[];
  readonly asks?: boolean;
  /** What is waited for in the activity bar. */
  readonly container?: string;
}

export class Workbench {
  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly server: ChildProcess,
    private readonly address: string,
    private readonly run: string,
    private readonly folder: string,
    /** Every address that the page asked for. */
    readonly requested: string[],
  ) {}

  /**
   * Install the extension, and others, start the editor on a folder or a `.code-workspace` with these settings of the
   * user, and show it. `asks` lets it ask whether the folder is trusted.
   */
  static async open(places: Places, folder: string, settings: Record<string, unknown>, { extensions = [], asks = false, container = "Whence" }: Surroundings = {}): Promise<Workbench> {
    const { run } = places;
    await profile(run, settings);
    const common = ["--config", join(run, "config.yaml"), "--user-data-dir", join(run, "data"), "--extensions-dir", join(run, "extensions")];
    for (const vsix of [places.vsix, ...extensions]) await codeServer(places, [...common, "--install-extension", vsix]).ended;
    const port = await freePort();
    const { process: server } = codeServer(places, [...common, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, ...(asks ? [] : ["--disable-workspace-trust"]), "--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]);
    const browser = await chromium.launch({ executablePath: places.chromium, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
    try {
      await answers(`http://127.0.0.1:${port}/healthz`);
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["clipboard-read", "clipboard-write"] });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      const requested: string[] = [];
      page.on("request", (request) => requested.push(request.url()));
      const kind = folder.endsWith(".code-workspace") ? "workspace" : "folder";
      const address = `http://127.0.0.1:${port}/?${kind}=${encodeURIComponent(folder)}`;
      await page.goto(address, { waitUntil: "domcontentloaded" });
      await page.locator(`.activitybar [aria-label='${container}']`).first().waitFor();
      return new Workbench(page, browser, server, address, run, folder, requested);
    } catch (error) {
      await browser.close();
      stop(server);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    stop(this.server);
  }

  /** Change settings of the workspace, as a hand in its file would. */
  set(settings: Record<string, unknown>): void {
    mkdirSync(join(this.folder, ".vscode"), { recursive: true });
    writeFileSync(join(this.folder, ".vscode/settings.json"), JSON.stringify(settings));
  }

  /** Keep what is on screen. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(this.run, "pictures", `${name}.png`) });
  }

  /** Give the side bar this width, by its edge. */
  async sideBar(width: number): Promise<void> {
    const bar = await this.page.locator(".part.sidebar").boundingBox();
    if (!bar) throw new Error("there is no side bar");
    await this.page.mouse.move(bar.x + bar.width, 300);
    await this.page.mouse.down();
    await this.page.mouse.move(bar.x + width, 300, { steps: 5 });
    await this.page.mouse.up();
    await this.page.mouse.move(bar.x + width + 200, bar.y + bar.height + 5); // its edge is lit as long as the mouse is there, and code has hovers
    await this.page.waitForTimeout(800); // and fades then
  }

  /** Another window on the same folder, of a browser that has seen nothing yet. */
  async secondWindow(): Promise<Page> {
    const page = await (await this.browser.newContext({ viewport: this.page.viewportSize() })).newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(this.address);
    await page.locator(".monaco-workbench").waitFor();
    return page;
  }

  /** Run a command of the palette by the name it has there. */
  async command(title: string): Promise<void> {
    await this.palette(`>${title}`, title);
  }

  /** Open a file of the folder at a line. */
  async file(path: string, line = 1): Promise<void> {
    await this.quickInput(path);
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: path.split("/").at(-1) ?? path }).first().waitFor();
    await this.page.keyboard.press("Enter");
    await this.page.locator(`.tab.active[data-resource-name="${path.split("/").at(-1) ?? ""}"]`).waitFor();
    await this.quickInput(`:${line}`);
    await this.page.keyboard.press("Enter");
  }

  /** The name of the file that is edited, and the line that the cursor is on. */
  async cursor(): Promise<{ file: string; line: number }> {
    const file = (await this.page.locator(".tab.active").getAttribute("data-resource-name")) ?? "";
    const told = (await this.page.locator("#status\\.editor\\.selection").innerText()).match(/Ln (\d+)/);
    return { file, line: Number(told?.[1] ?? 0) };
  }

  /** The page of a view, by what it has: a frame in a frame. */
  async panel(page: Page = this.page, has = "#turns"): Promise<Frame> {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await page.waitForTimeout(100)) {
      for (const frame of page.frames()) {
        if (frame.name() !== "active-frame" && !frame.url().includes("fake.html")) continue;
        if (await frame.locator(has).count().catch(() => 0)) return frame;
      }
    }
    throw new Error("the panel did not appear");
  }

  /** Milliseconds from the click on a container of the activity bar to the first paint of its page, as the page tells. */
  async painted(container: string, has: string, page = this.page): Promise<number> {
    const pressed = Date.now();
    await page.locator(`.activitybar [aria-label='${container}']`).first().click();
    const panel = await this.panel(page, has);
    const at = await panel.waitForFunction(() => {
      const [paint] = performance.getEntriesByName("first-contentful-paint");
      return paint && performance.timeOrigin + paint.startTime;
    });
    return Math.round(((await at.jsonValue()) ?? 0) - pressed);
  }

  /** How long the extension took to be activated, in milliseconds of the extension host, as the editor tells. */
  async activation(name = /whence/i): Promise<number> {
    await this.command("Developer: Show Running Extensions");
    const rows = this.page.locator(".runtime-extensions-editor .monaco-list-row, .editor-instance .monaco-list-row");
    const row = rows.filter({ hasText: name }).first();
    await rows.first().hover();
    // The slowest come first, and only what is in sight is there.
    await until(async () => (await row.count()) > 0 || this.page.mouse.wheel(0, 200).then(() => false), "the extension is not listed as running");
    const told = /Activation:\s*(\d+)\s*ms/.exec(await row.innerText());
    return Number(told?.[1]);
  }

  /** Whether a page inside the page, such as a preview, shows this. */
  async shows(text: string | RegExp): Promise<boolean> {
    for (const frame of this.page.frames()) if (await frame.getByText(text).count().catch(() => 0)) return true;
    return false;
  }

  /** The processes of this run whose command line is such. */
  programs(such: RegExp): number[] {
    const told = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
    return told.filter((line) => such.test(line)).map((line) => Number(line.trim().split(" ")[0])).filter((pid) => this.started(pid));
  }

  private started(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`WHENCE_E2E_MARK=${this.run}`);
    } catch {
      return false; // it has ended, or is somebody else's
    }
  }

  status(page = this.page): Locator {
    return page.locator("[id='whence.whence.whence.status'], [id='whence.whence.status']").first();
  }

  private async palette(typed: string, title: string): Promise<void> {
    await this.quickInput(typed);
    await this.page.locator(`.quick-input-list .monaco-list-row[aria-label^="${title}"]`).first().click();
  }

  private async quickInput(typed: string): Promise<void> {
    await this.page.keyboard.press("F1");
    const input = this.page.locator(".quick-input-widget input.input");
    await input.waitFor();
    await input.fill(typed);
  }
}

async function profile(run: string, settings: Record<string, unknown>): Promise<void> {
  for (const folder of ["data/Machine", "data/User", "extensions", "pictures"]) await mkdir(join(run, folder), { recursive: true });
  await writeFile(join(run, "config.yaml"), "auth: none\ncert: false\n");
  const machine = Object.fromEntries(Object.entries(settings).filter(([key]) => key.startsWith("whence.")));
  await writeFile(join(run, "data/Machine/settings.json"), JSON.stringify(machine));
  await writeFile(join(run, "data/User/settings.json"), JSON.stringify({ ...QUIET, ...settings }));
}

/** Wait until that is so. */
export async function until(so: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const end = Date.now() + 2 * PATIENCE; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) if (await so()) return;
  throw new Error(otherwise);
}

/** The editor's own shop of extensions would be asked over the network. */
const NO_GALLERY = JSON.stringify({ serviceUrl: "http://127.0.0.1:9", itemUrl: "http://127.0.0.1:9", resourceUrlTemplate: "http://127.0.0.1:9" });

/** Nothing but what is tested, and nothing that moves. */
const QUIET = {
  "chat.disableAIFeatures": true,
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "telemetry.telemetryLevel": "off",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "git.autofetch": false,
  "git.blame.statusBarItem.enabled": false,
  "git.openRepositoryInParentFolders": "never",
  "workbench.enableExperiments": false,
  "workbench.settings.enableNaturalLanguageSearch": false,
  "editor.cursorBlinking": "solid",
};

function codeServer({ tools, run }: Places, args: readonly string[]): { process: ChildProcess; ended: Promise<void> } {
  const entry = join(tools, "code-server", "node_modules", "code-server", "out", "node", "entry.js");
  const child = spawn(join(tools, "bin", "node"), [entry, ...args], { stdio: ["ignore", "pipe", "pipe"], detached: true, env: { ...process.env, WHENCE_E2E_MARK: run, EXTENSIONS_GALLERY: NO_GALLERY } });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (said += data.toString()));
  const ended = new Promise<void>((resolve, reject) => {
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`code-server: ${said}`))));
  });
  ended.catch(() => undefined);
  return { process: child, ended };
}

export function stop(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  process.kill(-child.pid, "SIGTERM");
}

async function answers(address: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const ok = await fetch(address).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
  }
  throw new Error("code-server does not answer");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

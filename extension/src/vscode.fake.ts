// The little of the editor's interface that tests need where there is no editor. What it does there is tested end to end.
export class EventEmitter<T> {
  private readonly listeners: ((value: T) => void)[] = [];
  readonly event = (listener: (value: T) => void): { dispose: () => void } => {
    this.listeners.push(listener);
    return { dispose: () => undefined };
  };
  fire(value: T): void {
    for (const listener of this.listeners) listener(value);
  }
  dispose(): void {
    this.listeners.length = 0;
  }
}

export class CancellationError extends Error {}

export class CancellationTokenSource {
  private readonly cancelled = new EventEmitter<void>();
  readonly token = { isCancellationRequested: false, onCancellationRequested: this.cancelled.event };
  cancel(): void {
    this.token.isCancellationRequested = true;
    this.cancelled.fire();
  }
  dispose(): void {
    this.cancelled.dispose();
  }
}

export const ProgressLocation = { Notification: 15 };
export const commands = { executeCommand: () => Promise.resolve(undefined) };

/** What is set, as `workspace.getConfiguration` would tell. */
export const set: Record<string, unknown> = {};

export const workspace = {
  isTrusted: true,
  workspaceFolders: [{ uri: { fsPath: "/r/shop" } }],
  getConfiguration: (section: string) => ({
    get: (key: string) => set[`${section}.${key}`],
    inspect: (key: string) => ({ globalValue: set[`${section}.${key}`] }),
  }),
};

export const languages = { createLanguageStatusItem: () => ({}) };
export const StatusBarAlignment = { Left: 1 };
export const LanguageStatusSeverity = { Information: 0, Warning: 1, Error: 2 };
export class MarkdownString {
  value = "";
  appendText(text: string): void {
    this.value += text;
  }
}

type Work = (progress: { report: () => void }, token: CancellationTokenSource["token"]) => Promise<unknown>;
const nothing = (): Promise<undefined> => Promise.resolve(undefined);
export const window = {
  showWarningMessage: nothing,
  showErrorMessage: nothing,
  showInformationMessage: nothing,
  createStatusBarItem: () => ({ show: () => undefined }),
  withProgress: (_options: unknown, work: Work) => work({ report: () => undefined }, new CancellationTokenSource().token),
};

export const QuickPickItemKind = { Separator: -1 };
export const extensions = { getExtension: (): unknown => undefined };
export const Uri = { parse: (text: string) => text, joinPath: ({ fsPath }: { fsPath: string }, ...parts: string[]) => ({ fsPath: [fsPath, ...parts].join("/") }) };

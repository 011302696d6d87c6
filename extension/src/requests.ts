// The requests of our own, typed on both ends: what the server gives is read by its schema before anyone uses it.
import * as vscode from "vscode";
import * as v from "valibot";
import type { Server } from "./server";
import {
  Answer,
  type AskParams,
  CANCELLED,
  type FeedbackParams,
  Installed,
  type LineCommand,
  type Lines,
  METHODS,
  type ModelsParams,
  Piece,
  type PullParams,
  Reindexed,
  Roles,
  type SearchParams,
  type StatusParams,
  type UseParams,
} from "./protocol";

type Method = keyof typeof METHODS;
type Result<M extends Method> = v.InferOutput<(typeof METHODS)[M]["result"]>;

/** The server answered with something that is not what docs/protocol.md says: it is of another version. */
export class WireMismatchError extends Error {}

export class Requests {
  private asked = 0;
  private readonly changed = new vscode.EventEmitter<void>();
  /** What was said of an answer, which model answers, or a run of the training is another than before. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {}

  /** An answer; its text comes to `receive` in pieces before that. */
  async ask(params: AskParams, receive: (text: string) => void, token: vscode.CancellationToken): Promise<Answer> {
    const connection = await this.server.connection();
    const partialResultToken = `whence-ask-${++this.asked}`;
    const listening = connection.onPartial(partialResultToken, (value) => {
      const piece = v.safeParse(Piece, value);
      if (piece.success) receive(piece.output.text);
    });
    try {
      return read(Answer, "whence/ask", await this.server.request("whence/ask", { ...params, partialResultToken }, token));
    } finally {
      listening.dispose();
    }
  }

  search(params: SearchParams, token?: vscode.CancellationToken): Promise<Result<"whence/search">> {
    return this.request("whence/search", params, token);
  }

  /** What one of the commands on lines tells. */
  async ofLines(command: LineCommand, lines: Lines, token?: vscode.CancellationToken): Promise<Answer> {
    if (command === "whence.why") return this.request("whence/why", lines, token);
    return read(Answer, command, await this.execute(command, lines, token));
  }

  status(params: StatusParams = {}, token?: vscode.CancellationToken): Promise<Result<"whence/status">> {
    return this.request("whence/status", params, token);
  }

  async feedback(params: FeedbackParams): Promise<Result<"whence/feedback">> {
    const kept = await this.request("whence/feedback", params);
    this.changed.fire();
    return kept;
  }

  doctor(params: StatusParams = {}): Promise<Result<"whence/doctor">> {
    return this.request("whence/doctor", params);
  }

  models(params: ModelsParams = {}): Promise<Result<"whence/models">> {
    return this.request("whence/models", params);
  }

  /** Fetch a model; its progress is the server's. */
  async pullModel(params: PullParams, token?: vscode.CancellationToken): Promise<v.InferOutput<typeof Installed>> {
    return read(Installed, "whence.pullModel", await this.execute("whence.pullModel", params, token));
  }

  async useModel(params: UseParams): Promise<v.InferOutput<typeof Roles>> {
    const told = await this.execute("whence.useModel", params);
    this.changed.fire();
    return read(Roles, "whence.useModel", told);
  }

  async rollBackModel(params: StatusParams): Promise<v.InferOutput<typeof Roles>> {
    const told = await this.execute("whence.rollBackModel", params);
    this.changed.fire();
    return read(Roles, "whence.rollBackModel", told);
  }

  training(root?: string): Promise<Result<"whence/training">> {
    return this.request("whence/training", { ...(root && { root }) });
  }

  /** One of the commands `whence.training.…`; what it changed is told by `training`. */
  async train(command: string, argument: unknown): Promise<void> {
    await this.execute(`whence.training.${command}`, argument);
    this.changed.fire();
  }

  async reindex(params: StatusParams = {}): Promise<readonly string[]> {
    return read(Reindexed, "whence.reindex", await this.execute("whence.reindex", params)).roots;
  }

  private execute(command: string, argument: unknown, token?: vscode.CancellationToken): Promise<unknown> {
    return this.server.request("workspace/executeCommand", { command, arguments: [argument] }, token);
  }

  private async request<M extends Method>(method: M, params: unknown, token?: vscode.CancellationToken): Promise<Result<M>> {
    return read(METHODS[method].result, method, await this.server.request(method, params, token));
  }
}

function read<S extends v.GenericSchema>(schema: S, method: string, given: unknown): v.InferOutput<S> {
  const told = v.safeParse(schema, given);
  if (told.success) return told.output;
  const where = told.issues.map((issue) => v.getDotPath(issue) ?? "the result").join(", ");
  throw new WireMismatchError(`The server is of another version than this extension: ${method} differs in ${where}`);
}

/** Whether somebody stopped the request, rather than that it failed. */
export function wasCancelled(error: unknown): boolean {
  return error instanceof vscode.CancellationError || (error instanceof Error && "code" in error && error.code === CANCELLED);
}

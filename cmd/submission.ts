/** What sendmail and postdrop do alike: the right to submit mail, and a post that comes to nothing if anything goes wrong. */
import { TableSet } from "../core/table/mod.ts";
import { openPost, type Post, PostError, SubmissionError, submitRefusal } from "../daemon/pickup/mod.ts";
import { FatalError, type Tool } from "./queue_tool.ts";

const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** Throws `FatalError` for a user whom `authorized_submit_users` does not name. */
export async function requireSubmitRight({ config, log }: Tool, uid: number): Promise<void> {
  const refusal = await submitRefusal(config, () => new TableSet(config), uid, (text) => log.warning(text));
  if (refusal !== undefined) throw new FatalError(refusal);
}

export interface PostRules {
  readonly uid: number;
  /** Exit code after a signal. */
  readonly failure: number;
  /** In front of what is said about a failure. */
  readonly who: string;
}

/**
 * Opens a post and has it filled; unless `fill` finished it, it is taken back, by a signal too. Throws `FatalError` if the
 * mail system does not take it.
 * @returns what `fill` resolves to
 */
export async function withPost<T>(
  { config, log }: Tool,
  { uid, failure, who }: PostRules,
  fill: (post: Post) => Promise<T>,
): Promise<T> {
  let post: Post;
  try {
    post = await openPost({ config, uid, warn: (text) => log.warning(text) });
  } catch (error) {
    if (error instanceof PostError) throw new FatalError(`${who}${error.message}`);
    throw error;
  }
  const giveUp = () => {
    post.abort();
    Deno.exit(failure);
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, giveUp);
  try {
    return await fill(post);
  } catch (error) {
    if (error instanceof SubmissionError) throw new FatalError(`${who}${error.message}`);
    throw error;
  } finally {
    post.abort();
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, giveUp);
  }
}

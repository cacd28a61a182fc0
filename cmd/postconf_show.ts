/** postconf without -e, -# or -X: main.cf settings, and -M, -F, -P. */
import { ConfigSession, type ShowOptions } from "../core/config/show/mod.ts";
import type { PostconfStreams } from "./postconf_message.ts";
import type { PostconfOptions } from "./postconf_options.ts";

/**
 * Prints what was asked for; warnings of unused parameters come after it.
 * @param namedBy what named the directory, if anything did
 */
export function showConfiguration(
  directory: string,
  namedBy: string | undefined,
  options: PostconfOptions,
  streams: PostconfStreams,
): void {
  const { given, mode, operands } = options;
  const what = mode !== "main" ? "master" : given.has("d") ? "defaults" : "main";
  const session = new ConfigSession(directory, namedBy, what, options.overrides, streams.warn);
  const show: ShowOptions = {
    onlySet: given.has("n"),
    expand: given.has("x"),
    fold: given.has("f"),
    json: given.has("j"),
    hideName: given.has("h"),
    hideValue: given.has("H"),
    ...(options.classes === undefined ? {} : { classes: options.classes }),
    ...(options.verbose ? { trace: streams.complain } : {}),
  };
  if (mode === "main") session.showMain(operands, show);
  else if (mode === "entries") session.showEntries(operands, show);
  else if (mode === "fields") session.showFields(operands, show);
  else session.showSettings(operands, show);
  streams.output(session.output());
  if (what !== "defaults" && !given.has("q")) session.warnOfUnused({ main: mode === "main", master: true });
}

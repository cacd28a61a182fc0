import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/mod.ts";
import type { AccessActions } from "../smtpd/mod.ts";
import type { Filter } from "./delivery.ts";
import { parameterCause } from "./place.ts";
import type { Step } from "./types.ts";

/** What becomes of the message as a whole, whoever its recipients are. */
export interface MessageFate {
  readonly steps: readonly Step[];
  readonly filter: Filter | undefined;
  /** `REDIRECT`: takes the place of all recipients. */
  readonly redirect: string | undefined;
  /** Thrown away, it reaches nobody. */
  readonly discarded: boolean;
}

/**
 * What access tables asked for, and the filters that the smtpd service names.
 * @param config with the settings of the service
 */
export function explainActions(config: Config, actions: AccessActions): MessageFate {
  const steps: Step[] = [];
  const step = (what: string, result: string, causes: Step["causes"] = []) =>
    steps.push({ stage: "action", what, result, decides: true, causes });
  const named = (parameter: string) =>
    config.string(parameter) === "" ? [] : [parameterCause(config, parameter)];

  const beforeQueue = named("smtpd_proxy_filter");
  if (beforeQueue.length > 0) {
    step(
      "smtpd_proxy_filter",
      `the message goes through ${beforeQueue[0]!.value} before it is queued`,
      beforeQueue,
    );
  }
  if (actions.discard) step("DISCARD of an access table", "the message is thrown away");
  if (actions.hold) step("HOLD of an access table", "the message waits in the hold queue until postsuper -H");
  if (actions.redirect !== "") {
    step("REDIRECT of an access table", `all recipients become <${toExternal(actions.redirect)}>`);
  }
  for (const address of actions.bcc) step("BCC of an access table", `copy to <${toExternal(address)}>`);
  for (const header of actions.prepend) step("PREPEND of an access table", header);
  const filter = actions.filter !== "" ? actions.filter : config.string("content_filter");
  return {
    steps,
    filter: filter === ""
      ? undefined
      : { value: filter, causes: actions.filter === "" ? named("content_filter") : [] },
    redirect: actions.redirect === "" ? undefined : actions.redirect,
    discarded: actions.discard,
  };
}

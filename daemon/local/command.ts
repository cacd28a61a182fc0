import { MacroError } from "../../core/config/mod.ts";
import { isDamage } from "../delivery/mod.ts";
import { QueueFileError } from "../../core/queue/types.ts";
import { commandWords, outcomeOf, runCommand } from "../command/mod.ts";
import { messageText } from "../mailbox/mod.ts";
import { expandFor, filtered } from "./expand.ts";
import { rightsFor } from "./file.ts";
import { bouncedToOwner } from "./owner.ts";
import { isProbe } from "./resolve.ts";
import {
  type Context,
  deferred,
  firstTime,
  MISCONFIGURED,
  sent,
  type State,
  type UserRights,
} from "./state.ts";
import { commandForm } from "./text_form.ts";

/** What a command knows of the message (local(8)); every value is filtered. */
function environment(context: Context, state: State, rights: UserRights | undefined): Record<string, string> {
  const { settings, request } = context;
  const { recipient } = state;
  const fromClient = (name: string) => request.attributes.get(name) ?? "";
  const optional: Readonly<Record<string, string | undefined>> = {
    HOME: rights?.home,
    SHELL: rights?.shell,
    EXTENSION: state.extension,
    ORIGINAL_RECIPIENT: recipient.original || undefined,
    CLIENT_HOSTNAME: fromClient("log_client_name") || undefined,
    CLIENT_ADDRESS: fromClient("log_client_address") || undefined,
    CLIENT_HELO: fromClient("log_helo_name") || undefined,
    CLIENT_PROTOCOL: fromClient("log_protocol_name") || undefined,
    SASL_METHOD: fromClient("sasl_method") || undefined,
    SASL_SENDER: fromClient("sasl_sender") || undefined,
    SASL_USERNAME: fromClient("sasl_username") || undefined,
    ENVID: state.envelopeId || undefined,
  };
  const values: Record<string, string> = {
    LOGNAME: state.user,
    USER: state.user,
    SENDER: state.sender,
    RECIPIENT: recipient.address,
    LOCAL: state.local,
    DOMAIN: state.domain,
  };
  for (const [name, value] of Object.entries(optional)) if (value !== undefined) values[name] = value;
  for (const name of Object.keys(values)) values[name] = filtered(values[name]!, settings.commandFilter);
  return { ...settings.environment, ...values };
}

/** Delivers to `|command`, or to `mailbox_command`. */
export async function deliverToCommand(
  context: Context,
  before: State,
  rights: UserRights | undefined,
  command: string,
): Promise<boolean> {
  const { deps, settings } = context;
  const { uid, gid } = rightsFor(context, rights);
  const state = { ...before, level: before.level + 1 };
  if (!firstTime(context, `command ${state.user}:${uid} ${command}`)) return true;
  if (isProbe(context)) {
    return await sent(context, state, { status: "2.0.0", reason: `delivers to command: ${command}` });
  }
  let directory = "";
  try {
    directory = expandFor(settings.executionDirectory, context, state, rights, settings.directoryFilter).text;
  } catch (error) {
    if (!(error instanceof MacroError)) throw error;
    deps.log.warning(
      `bad parameter value syntax for command_execution_directory: ${settings.executionDirectory}`,
    );
    return await deferred(context, state, { status: "4.3.5", reason: MISCONFIGURED });
  }
  const shell = settings.commandShell.split(/[ \t]+/).filter(Boolean);
  const words = shell.length > 0 ? [...shell, command] : commandWords(command);
  let end;
  try {
    end = await runCommand({
      words,
      shellCommand: command,
      identity: { uid, gid },
      directory: directory || settings.queueDirectory,
      environment: environment(context, state, rights),
      timeLimit: settings.commandTimeLimit,
      input: messageText(context.content.read(), commandForm(context, state)),
      utf8: settings.utf8,
      name: "local",
      fatal: (text) => deps.log.fatal(text),
    });
  } catch (error) {
    if (!(error instanceof QueueFileError) || isDamage(error)) throw error;
    return await deferred(context, state, { status: "4.3.0", reason: error.message });
  }
  const outcome = outcomeOf(end, command);
  switch (outcome.kind) {
    case "sent":
      return await sent(context, state, { status: "2.0.0", reason: `delivered to command: ${command}` });
    case "deferred":
      return await deferred(context, state, outcome.detail);
    case "bounced":
      return await bouncedToOwner(context, state, outcome.detail);
  }
}

import { isHostname, literalAddress } from "../core/address/mod.ts";
import { AttributeError, trigger } from "../core/ipc/mod.ts";
import { isQueueId } from "../core/queue/mod.ts";
import { askFlush, type FlushRequest, FlushStatus, keepsLogFor } from "../daemon/flush/mod.ts";
import { getopt, UsageError } from "./getopt.ts";
import { connectService, UnreachableError } from "./postqueue_connect.ts";
import { showQueue } from "./postqueue_list.ts";
import { requireAccess } from "./queue_access.ts";
import { FatalError, runTool, type Tool, usageError } from "./queue_tool.ts";

export const help = `
Usage: postqueue [-v] [-c config_dir] -f | -i queue_id | -s site | -p | -j
       mailq

  -f            try to deliver all queued mail now
  -i queue_id   try to deliver one deferred message now
  -s site       try to deliver all mail for a site of fast_flush_domains now
  -p            list the queue (this is what mailq does)
  -j            list the queue, one JSON object a line
  -c config_dir the configuration directory
  -v            accepted
`;

/** Every failure, wrong usage included, ends with this exit code, as it does in Postfix. */
const EX_UNAVAILABLE = 69;
/** Wrong usage of mailq, which is sendmail(1) by another name. */
const EX_TEMPFAIL = 75;

const USAGE = "postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site";
const DOWN = "Cannot flush mail queue - mail system is down";

interface Request {
  readonly mode: string;
  readonly value: string;
  readonly directory: string | undefined;
}

function parse(args: readonly string[]): Request {
  const { options, operands } = getopt(args, "c:fi:jps:v");
  const modes = options.filter(({ letter }) => letter !== "c" && letter !== "v");
  if (modes.length !== 1 || operands.length > 0) throw new UsageError("");
  return {
    mode: modes[0]!.letter,
    value: modes[0]!.value,
    directory: options.findLast(({ letter }) => letter === "c")?.value,
  };
}

/** `mailq` takes sendmail's options; those for the configuration directory and verbosity mean something here. */
function parseMailq(args: readonly string[]): Request {
  const { options, operands } = getopt(args, "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx");
  if (operands.length > 0) throw new FatalError("display queue mode requires no recipient");
  return { mode: "p", value: "", directory: options.findLast(({ letter }) => letter === "C")?.value };
}

/** What is wrong with a command line is said as by getopt(3), with the usage behind it. */
function wrongUse(error: UsageError, name: string): number {
  const problem = error.message === "" ? undefined : error.message;
  return name === "mailq"
    ? usageError(name, problem, "mailq [options]", EX_TEMPFAIL)
    : usageError("postqueue", problem, USAGE, EX_UNAVAILABLE);
}

/** `postqueue`, `mailq`. Exit code 0, or 69 for every error; 75 for wrong usage of mailq. */
export async function run(args: string[], name: string): Promise<number> {
  let request: Request;
  try {
    request = name === "mailq" ? parseMailq(args) : parse(args);
  } catch (error) {
    if (error instanceof UsageError) return wrongUse(error, name);
    if (!(error instanceof FatalError)) throw error;
    console.error(`${name}: fatal: ${error.message}`);
    return EX_TEMPFAIL;
  }
  const { mode, value } = request;
  return await runTool("postqueue", EX_UNAVAILABLE, request.directory, async (tool) => {
    checkValue(mode, value);
    if (mode === "p" || mode === "j") return await showQueue(tool, mode === "j");
    await requireAccess(tool, "authorized_flush_users", "flush the mail queue");
    if (mode === "f") await flushAll(tool);
    else if (mode === "i") await flush(tool, { request: "send_file", id: value }, value);
    else await flush(tool, { request: "send_site", site: value }, value);
    return 0;
  });
}

function checkValue(mode: string, value: string): void {
  const shown = value.length > 100 ? `${value.slice(0, 100)}...` : value;
  if (mode === "i" && !isQueueId(value)) {
    throw new FatalError(`Cannot flush queue ID - invalid name: "${shown}"`);
  }
  if (mode !== "s") return;
  const valid = value.startsWith("[") ? literalAddress(value) !== undefined : isHostname(value);
  if (!valid) throw new FatalError(`Cannot flush mail queue - invalid destination: "${shown}"`);
}

/** `-f`: both queue ends are woken up; a user who can't reach them asks the flush service to do it. */
async function flushAll(tool: Tool): Promise<void> {
  const directory = `${tool.config.string("queue_directory")}/public`;
  for (const [service, request] of [["qmgr", "FADI"], ["pickup", "W"]] as const) {
    try {
      await trigger(`${directory}/${service}`, request);
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) {
        return await flush(tool, { request: "send_all" }, "");
      }
      if (error instanceof Deno.errors.NotFound) {
        tool.log.warning(`unable to look up public/${service}: No such file or directory`);
      }
      throw new FatalError(DOWN);
    }
  }
}

async function flush(tool: Tool, request: FlushRequest, what: string): Promise<void> {
  let status: number;
  try {
    const connection = await connectService(tool.config, "flush");
    try {
      status = await askFlush(connection, request);
    } finally {
      connection.close();
    }
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof AttributeError)) throw error;
    // Whether the mail system is up or not, there is nothing to flush for a site that nobody keeps a log for.
    if (request.request === "send_site" && !(await keepsLogFor(request.site, tool.config, tool.log))) {
      status = FlushStatus.Denied;
    } else {
      const verb = error instanceof UnreachableError ? "connect to" : "communicate with";
      tool.log.warning(`${verb} public/flush: ${error.message}`);
      status = FlushStatus.Failed;
    }
  }
  switch (status) {
    case FlushStatus.Ok:
      return;
    case FlushStatus.Bad:
      throw new FatalError(`Invalid request: "${what}"`);
    case FlushStatus.Denied:
      throw new FatalError(`Flush service is not configured for destination "${what}"`);
    case FlushStatus.Failed:
      throw new FatalError(DOWN);
    default:
      throw new FatalError(`Unknown flush server reply status ${status}`);
  }
}

import { trigger } from "../core/ipc/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { runTool, usageError } from "./queue_tool.ts";

export const help = `
Usage: postkick [-c config_dir] [-v] class service request

Sends a request string to a service, for scripts: postkick public pickup W, postkick public qmgr FADI.

  -c dir   configuration directory; -v  accepted
  class    public or private: the directory of the service's socket
  service  name of the service in master.cf
  request  letters that the service knows
`;

const USAGE = "postkick [-c config_dir] [-v] class service request";

/** `postkick`. Exit code 0 when the request was delivered, 1 otherwise. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "c:v");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError("postkick", error.message, USAGE, 1);
  }
  const [channel, service, request, ...more] = parsed.operands;
  if (channel === undefined || service === undefined || request === undefined || more.length > 0) {
    return usageError("postkick", undefined, USAGE, 1);
  }
  const directory = parsed.options.findLast(({ letter }) => letter === "c")?.value;
  return await runTool("postkick", 1, directory, async ({ config, log }) => {
    try {
      await trigger(`${config.string("queue_directory")}/${channel}/${service}`, request);
      return 0;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        log.warning(`unable to look up ${channel}/${service}: No such file or directory`);
      }
      log.warning(`Cannot contact class ${channel} service ${service} - perhaps the mail system is down`);
      return 1;
    }
  }, { toMailLog: false });
}

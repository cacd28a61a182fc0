/** postconf(1): shows and edits main.cf and master.cf. */
import { ConfigError, DEFAULT_DIRECTORY } from "../core/config/mod.ts";
import { PostconfFatal, type PostconfStreams, standardStreams } from "./postconf_message.ts";
import { parseOptions, type PostconfOptions } from "./postconf_options.ts";

export const help = `
Usage: postconf [-dfhHjnoqvx] [-c config_dir] [-C class,...] [parameter ...]
       postconf [-epv] [-c config_dir] parameter=value ...
       postconf -# | -X [-pv] [-c config_dir] parameter ...
       postconf -M [-fjoqvx] [-c config_dir] [service[/type] ...]
       postconf -M -e | -# | -X [-c config_dir] service/type[=value] ...
       postconf -F [-fhHjoqvx] [-c config_dir] [service[/type[/field]] ...]
       postconf -F -e [-c config_dir] service/type/field=value ...
       postconf -P [-fhHjoqvx] [-c config_dir] [service[/type[/parameter]] ...]
       postconf -P -e | -X [-c config_dir] service/type/parameter[=value] ...
       postconf -b | -t [-c config_dir] [template_file]
       postconf -a | -A | -l | -m | -T mode

Shows main.cf settings and defaults, or master.cf entries, and edits both files.

  -a, -A     SASL types of the server, of the client
  -b, -t     texts of notifications, with and without their $name expanded
  -C class   builtin, service, user, all
  -d         defaults              -n   only what main.cf sets
  -e         edit                  -#   comment out      -X   take out
  -f         fold long lines       -j   JSON
  -h         no names              -H   no values
  -l         mailbox lock types    -m   table types
  -M         master.cf entries     -F   their fields     -P   their -o settings
  -o n=v     as if main.cf had it  -x   expand $name     -q   no warnings for unused parameters
  -c dir     configuration directory
  -p         main.cf, which is meant without -M, -F and -P
  -v         says where each main.cf value comes from, on standard error
  -T mode    compile-version, run-version, public-key-algorithms
`;

/** Exit code 0, or 1 for any error. */
export async function run(args: string[], name: string): Promise<number> {
  return await runPostconf(args, standardStreams(name === "" ? "postconf" : name));
}

/** The same with output and messages given to somebody else. */
export async function runPostconf(args: readonly string[], streams: PostconfStreams): Promise<number> {
  try {
    return await execute(parseOptions(args, streams.complain), streams);
  } catch (error) {
    if (!(error instanceof PostconfFatal) && !(error instanceof ConfigError)) throw error;
    streams.complain(`fatal: ${error.message}`);
    return 1;
  }
}

/** Where the configuration is, and what said so: nothing did for the usual directory. */
function configurationPlace(given: string | undefined): { directory: string; namedBy?: string } {
  if (given !== undefined) return { directory: given, namedBy: "-c" };
  const inherited = Deno.env.get("MAIL_CONFIG");
  if (inherited !== undefined) return { directory: inherited, namedBy: "MAIL_CONFIG" };
  return { directory: DEFAULT_DIRECTORY };
}

async function execute(options: PostconfOptions, streams: PostconfStreams): Promise<number> {
  const { directory, namedBy } = configurationPlace(options.directory);
  switch (options.mode) {
    case "main":
    case "entries":
    case "fields":
    case "settings":
      if (["e", "#", "X"].some((letter) => options.given.has(letter))) {
        (await import("./postconf_edit.ts")).editConfiguration(directory, options, streams.warn);
      } else {
        (await import("./postconf_show.ts")).showConfiguration(directory, namedBy, options, streams);
      }
      return 0;
    case "expanded-templates":
    case "templates": {
      const lists = await import("./postconf_lists.ts");
      streams.output(await lists.templateText(directory, options, streams.warn));
      return 0;
    }
    default:
      return (await import("./postconf_lists.ts")).showList(directory, options, streams);
  }
}

/**
 * What the tests of set-ups share: an instance with processes of its own, in a mount namespace that has the users u00 to
 * u39 with homes (the world of the delivery tests), and mail sent to it by SMTP. Needs root and mount namespaces.
 */
import { buildWorld, scenarioLines, WORLD_POSSIBLE, type WorldFile } from "../../local/world_testing.ts";
import { startInstance, type TestInstance } from "../../master/testing.ts";
import { send, type Sent } from "../testing.ts";

export interface SetUp {
  /** Lines of main.cf and master.cf; `{dir}` is the directory of the world. */
  readonly main: readonly string[];
  readonly master?: readonly string[];
  /** Files of the world, by path below its directory. */
  readonly files?: Readonly<Record<string, string | WorldFile>>;
  /** Where others have to know it beforehand. */
  readonly port?: number;
}

export interface World extends TestInstance {
  /** Text of a file of the world; undefined if it is not there. */
  read(path: string): string | undefined;
  /** The messages in a Maildir of the world. */
  maildir(path: string): string[];
  /** Sends a message, which must be taken; `text` is headers and body. */
  mail(
    recipients: readonly string[],
    options?: { readonly from?: string; readonly text?: string },
  ): Promise<string>;
  /** Tries to, and says what the server answered. */
  attempt(recipients: readonly string[], options?: { readonly from?: string }): Promise<Sent>;
  /** Waits until a message is through with all of its recipients, and returns the log. */
  through(id: string): Promise<string>;
}

/** Starts the set-up. */
export async function startSetUp({ main, master = [], files = {}, port }: SetUp): Promise<World> {
  const directory = Deno.makeTempDirSync({ prefix: "postel-setup-" });
  buildWorld(directory, { name: "", main: [], files: { aliases: "", ...files }, messages: [] });
  const instance = await startInstance({
    directory,
    processes: true,
    ...(port === undefined ? {} : { port }),
    main: scenarioLines([
      "compatibility_level = 3.6",
      "mydestination = example.com, localhost",
      "myorigin = example.com",
      "local_recipient_maps = unix:passwd.byname $alias_maps",
      "alias_maps = texthash:{dir}/aliases",
      "mail_spool_directory = {dir}/mail",
      "biff = no",
      ...main,
    ], directory),
    master: scenarioLines(master, directory),
    enter: ["unshare", "-m", `${directory}/enter`],
  });
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(`${directory}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  return {
    ...instance,
    read,
    maildir(path) {
      try {
        return [...Deno.readDirSync(`${directory}/${path}/new`)]
          .map(({ name }) => Deno.readTextFileSync(`${directory}/${path}/new/${name}`));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    },
    async mail(recipients, options = {}) {
      const { id, reply } = await send(instance.port, recipients, options);
      if (id === "") throw new Error(`not taken: ${reply}`);
      return id;
    },
    attempt: (recipients, options = {}) => send(instance.port, recipients, options),
    async through(id) {
      await instance.logged(new RegExp(`${id}: removed`));
      return instance.log();
    },
  };
}

/** The options of every test of a set-up. */
export const OPTIONS = { ignore: !WORLD_POSSIBLE, sanitizeOps: false, sanitizeResources: false } as const;

/** Is a program installed? */
export function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

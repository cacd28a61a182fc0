/** The log without `maillog_file`: datagrams to the system's log socket, here one of our own in a mount name space. */
import assert from "node:assert/strict";
import process from "node:process";
import { freePort, startInstance } from "../master/testing.ts";
import { send, until } from "./testing.ts";

const ROOT = process.geteuid?.() === 0;
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "syslog: facility, severity and tag of each line",
  ignore: !ROOT,
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    const socket = `${directory}/dev/log`;
    Deno.mkdirSync(`${directory}/dev`);
    const listener = Deno.listenDatagram({ transport: "unixpacket", path: socket });
    Deno.chmodSync(socket, 0o666);
    const lines: string[] = [];
    const reading = (async () => {
      for await (const [bytes] of listener) lines.push(new TextDecoder().decode(bytes));
    })();
    for (
      const node of ["null", "zero", "urandom", "random", "full", "tty", "fd", "stdin", "stdout", "stderr"]
    ) {
      const target = node === "fd"
        ? "/proc/self/fd"
        : node.startsWith("std")
        ? `/proc/self/fd/${["stdin", "stdout", "stderr"].indexOf(node)}`
        : undefined;
      if (target !== undefined) Deno.symlinkSync(target, `${directory}/dev/${node}`);
      else Deno.writeTextFileSync(`${directory}/dev/${node}`, "");
    }
    const script =
      `for n in null zero urandom random full tty; do mount --bind /dev/$n ${directory}/dev/$n; done; mount --rbind ${directory}/dev /dev && exec "$@"`;
    {
      await using instance = await startInstance({
        directory,
        processes: true,
        port: freePort(),
        main: [
          "maillog_file =",
          "syslog_name = mailer",
          "syslog_facility = local3",
          "default_transport = discard:",
        ],
        enter: ["unshare", "-m", "sh", "-c", script, "sh"],
      });
      const { id } = await send(instance.port, ["someone@elsewhere.example"]);
      await until("removed", () => lines.some((line) => line.includes(`${id}: removed`)));
      // local3 is 19, info 6.
      assert.ok(
        lines.some((line) =>
          new RegExp(
            `^<158>\\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d (\\S+ )?mailer/qmgr\\[\\d+\\]: ${id}: removed`,
          ).test(line)
        ),
        lines.join("\n"),
      );
      assert.ok(lines.some((line) => /mailer\/smtpd\[\d+\]: connect from localhost/.test(line)));
      assert.ok(lines.some((line) => /mailer\/master\[\d+\]: daemon started/.test(line)));
    }
    listener.close();
    await reading;
  },
});

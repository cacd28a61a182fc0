import assert from "node:assert/strict";
import { memorySink } from "../../core/log/mod.ts";
import { connectDatagram } from "../../core/system/mod.ts";
import { parsePostlog, servePostlog } from "./postlog.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("parsePostlog: label and tag; anything else is no log line", () => {
  assert.deepEqual(parsePostlog(bytes("Nov 01 02:03:04 mx postfix/postsuper[12]: warning: a: b"), 5), {
    time: 5,
    tag: "postfix/postsuper",
    pid: 12,
    level: "warning",
    text: "a: b",
  });
  assert.equal(parsePostlog(bytes("\u0000\u0001garbage"), 5), undefined);
});

Deno.test("servePostlog: datagrams become entries", async () => {
  const path = `${Deno.makeTempDirSync()}/postlog`;
  const sink = memorySink();
  const server = servePostlog(path, sink);
  const sender = connectDatagram(path);
  sender.send(bytes("not a line"));
  sender.send(bytes("Nov  1 02:03:04 mx postfix/postlog[7]: hello"));
  while (sink.entries.length === 0) await new Promise((done) => setTimeout(done, 5));
  assert.equal(sink.entries[0]!.text, "hello");
  sender.close();
  server.close();
});

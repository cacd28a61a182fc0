import assert from "node:assert/strict";
import { configFromText } from "../config/mod.ts";
import { preloadTableTypes, TableError, TableSet, tableTypesIn } from "./mod.ts";
import { outcome } from "./network/testing.ts";

Deno.test("tableTypesIn finds the types that need loading, in main.cf, in overrides and in settings files", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "memcache = inet:127.0.0.1:1\nbackup = proxy:pgsql:/nowhere.cf\n");
  const config = configFromText(
    [
      "alias_maps = hash:/etc/aliases, ldap:/etc/ldap.cf",
      "virtual_alias_maps = unionmap:{proxy:mysql:/etc/mysql.cf,static:x}",
      `transport_maps = memcache:${path}`,
      "mydestination = localhost",
      "smtpd_recipient_restrictions = check_recipient_access socketmap:inet:localhost:1:x, reject",
      "myhostname = not-redis.example.com",
    ].join("\n") + "\n",
  );
  assert.deepEqual(tableTypesIn(config, ["{ tcp:localhost:1 }"]), [
    "ldap",
    "memcache",
    "mysql",
    "pgsql",
    "socketmap",
    "tcp",
  ]);
  Deno.removeSync(path);
});

Deno.test("parameters of network tables may stand in main.cf, and proxy: changes nothing", async () => {
  const tables = new TableSet(
    configFromText("cache_memcache = inet:127.0.0.1:1\ncache_timeout = 1\nhost = x\n"),
  );
  assert.equal(await outcome(tables.open("proxy:memcache:cache"), "key"), "(temporary)");
  assert.equal(await outcome(tables.open("memcache:host"), "key"), "(temporary)");
  await assert.rejects(
    async () => await tables.open("pgsql:nothing").lookup("key"),
    /bad string length 0 < 1/,
  );
  await assert.rejects(
    async () => await tables.open("ldap:/nowhere.cf").lookup("key"),
    /open \/nowhere.cf: No such/,
  );
  tables.close();
});

Deno.test("once their types are loaded, tables read their settings when they are opened", async () => {
  await preloadTableTypes(["memcache", "hash", "no-such-type"]);
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "memcache = nonsense\n");
  const tables = new TableSet();
  const bad = tables.open(`memcache:${path}`);
  await assert.rejects(async () => await bad.lookup("key"), TableError);
  Deno.writeTextFileSync(path, "memcache = inet:127.0.0.1:1\n");
  const good = tables.open(`proxy:memcache:${path}`);
  Deno.removeSync(path);
  await assert.rejects(async () => await good.lookup("key"), /query error/);
  tables.close();
});

import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { exportedEnvironment } from "./mod.ts";

Deno.test("export_environment: what import_environment lets in, and values of its own", () => {
  const config = configFromText(
    "import_environment = TZ=Europe/Berlin LANG\n" +
      "export_environment = TZ LANG HOME { GREETING = hello there }\n",
    { directory: "/etc/postfix" },
  );
  const own = (name: string) => ({ TZ: "UTC", LANG: "C", HOME: "/root" })[name];
  assert.deepEqual(exportedEnvironment(config, own), {
    TZ: "Europe/Berlin",
    LANG: "C",
    GREETING: "hello there",
    PATH: "/usr/bin:/bin",
  });
});

/** The manual says which recorded cases a parameter is compared in: it has to be true. */
import assert from "node:assert/strict";

const ROOT = `${import.meta.dirname}/../..`;

/** The parameters of the tables of a page, with the files that they name. */
function listed(page: string): [parameter: string, files: string[]][] {
  const rows = Deno.readTextFileSync(`${ROOT}/docs/${page}`).matchAll(
    /^\| `([a-z_]+)` +\| (`(?:daemon|testdata)\/.*) \|$/gm,
  );
  return [...rows].map(([, parameter, files]) => [parameter!, files!.match(/[^`, ]+/g) ?? []]);
}

for (const [page, least] of [["rewriting.md", 60], ["delivery.md", 45]] as const) {
  Deno.test(`parameters of ${page} stand in the recorded cases that it names`, () => {
    const parameters = listed(page);
    assert.ok(parameters.length >= least, `${parameters.length} parameters`);
    for (const [parameter, files] of parameters) {
      // The name of a transport stands in front of these.
      const name = parameter.replace(/^transport_(?=destination_|time_)/, "\\w+_");
      for (const file of files) {
        assert.match(
          Deno.readTextFileSync(`${ROOT}/${file}`),
          new RegExp(`\\b${name} ?[=:]`),
          `${parameter} in ${file}`,
        );
      }
    }
  });
}

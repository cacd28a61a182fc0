// Makes damaged copies of a queue file, one kind of damage each; mode 0600, so that nobody takes them yet.
const [source, directory] = Deno.args as [string, string];
const whole = Deno.readFileSync(source);
const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
const contentOffset = Number(text(whole).slice(18, 33));
const attribute = text(whole).indexOf("create_time=");

function changed(edit: (bytes: Uint8Array) => Uint8Array | void): Uint8Array {
  const copy = whole.slice();
  return edit(copy) ?? copy;
}
const damages: Record<string, Uint8Array> = {
  NoEndRecord1: changed((bytes) => bytes.slice(0, bytes.length - 2)),
  UnknownType1: changed((bytes) => void (bytes[97] = 0x7e)),
  BadAttribute: changed((bytes) => void (bytes[attribute + "create_time".length] = 0x20)),
  BadOffset111: changed((bytes) => void bytes.set(new TextEncoder().encode(String(contentOffset - 7)), 33 - 3)),
  NoSizeRecord: changed((bytes) => bytes.slice(97)),
  CutInRecord1: changed((bytes) => bytes.slice(0, contentOffset - 20)),
  EmptyFile111: new Uint8Array(0),
};
for (const [name, bytes] of Object.entries(damages)) {
  Deno.writeFileSync(`${directory}/${name}`, bytes, { mode: 0o600 });
}

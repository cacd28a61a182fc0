import { encodeText } from "../../core/bytes/mod.ts";
import { DEFAULT_CONFIG, readOptions } from "./config_file.ts";
import { lineReader, TIMEOUT, withConnection } from "./remote.ts";
import { type Login, type Mechanism, MechanismError } from "./types.ts";

/** What may stand for itself in a form (RFC 3986 section 2.3). */
const PLAIN = /^[A-Za-z0-9._~-]$/;

function formEncoded(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += PLAIN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** Puts user, password and realm into the places of `%u`, `%p` and `%r`. */
function formData(template: string, { login, password, realm }: Login): string {
  return template.replace(/%([upr%])/g, (_, letter: string) => {
    if (letter === "%") return letter;
    return formEncoded(letter === "p" ? password : encodeText(letter === "u" ? login : realm));
  });
}

/** Posts a form to a web server: 200 and 204 mean yes, 403 means no with the reason that it gives. */
export function httpformMechanism(path = DEFAULT_CONFIG): Mechanism {
  const options = readOptions(path);
  const host = options.get("httpform_host") ?? "localhost";
  const port = options.get("httpform_port") ?? "80";
  const uri = options.get("httpform_uri");
  const data = options.get("httpform_data");
  if (uri === undefined || data === undefined) {
    throw new MechanismError(`${path}: httpform_uri and httpform_data must be specified`);
  }
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[\x00-\x20\x7f]/.test(uri)) throw new MechanismError(`${path}: httpform_uri has blanks in it`);
  return (login) =>
    withConnection(host, port, TIMEOUT, async (conn, write) => {
      const body = encodeText(formData(data, login));
      const head = `POST ${uri} HTTP/1.1\r\nHost: ${host}${port === "80" ? "" : `:${port}`}\r\n` +
        "User-Agent: saslauthd\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      await write(encodeText(head));
      await write(body);
      const status = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(await lineReader(conn)());
      if (status?.[1] === "200" || status?.[1] === "204") return "OK remote authentication successful";
      return status?.[1] === "403"
        ? `NO ${status[2] ?? ""}`.trimEnd()
        : "NO [ALERT] Unexpected response from remote authentication server";
    });
}

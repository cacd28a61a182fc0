/** What the tests of the mechanisms share: octets, and asking a mechanism. */
import type { Mechanism } from "./mod.ts";

export const octets = (text: string) => new TextEncoder().encode(text);

export const ask = (mechanism: Mechanism, login: string, password: string, realm = "", service = "smtp") =>
  mechanism({ login, password: octets(password), service, realm });

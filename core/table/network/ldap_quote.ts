/** Makes text a value inside a filter: what has a meaning there is written in hexadecimal (RFC 4515). */
export function quoteForFilter(text: string): string {
  return text.replace(/[*()\\\0]/g, hexadecimal);
}

/** Makes text a value inside a distinguished name (RFC 4514). */
export function quoteForName(text: string): string {
  return text.replace(/[\t ",+=<>#;\\\0]/g, hexadecimal);
}

function hexadecimal(character: string): string {
  return `\\${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** Messages with 8-bit content: what is handed to real Postfix for a receiver without 8BITMIME, and to ours. */
const part = (type: string, encoding: string, body: string) =>
  `--x\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${body}\n`;
const long = "ä long line ".repeat(12);

export const downgradeCases: Readonly<Record<string, string>> = {
  text: "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nX: y\n\nGrüße = 3\n" +
    `${long}\ntrailing blank ü \ntab\t\n.\n\nend`,
  "text without declared encoding": "Subject: x\n\nGrüße\n",
  binary: "Content-Transfer-Encoding: binary\n\nü\x01\x7f\n",
  multipart: "Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n\nprölog\n" +
    part("text/plain", "8bit", "ä=b") + part("text/html", "7bit", "plain = x") + part("image/x", "base64", "AAAA") +
    part("message/rfc822", "8bit", "Subject: inner\nContent-Transfer-Encoding: 8bit\n\nïnner") +
    "--x--\nepilög\n",
  "header order": "Content-Transfer-Encoding: 8bit\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nä\n--x--\n",
  "long line": "Content-Transfer-Encoding: 8bit\n\n" + "ü".repeat(3000) + "\nx\n",
  "no body": "Content-Transfer-Encoding: 8bit\n",
};

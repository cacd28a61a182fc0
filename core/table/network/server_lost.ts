/** The connection to a server can't be used any more, or there never was one. Another server or another time may do. */
export class ServerLost extends Error {
  override readonly name = "ServerLost";

  /** @param silent it is there and says nothing, so that asking again at once would be waiting again */
  constructor(message: string, readonly silent = false) {
    super(message);
  }
}

/**
 * Waits for work with a server, at the most so long. Rejects with `ServerLost` after that; `late` then gets what the work
 * brings after all, to close it.
 */
export function within<T>(milliseconds: number, work: Promise<T>, late?: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      reject(new ServerLost("Connection timed out", true));
    }, milliseconds);
    work.then((value) => {
      clearTimeout(timer);
      if (over) late?.(value);
      else resolve(value);
    }, (error) => {
      clearTimeout(timer);
      if (!over) reject(error);
    });
  });
}

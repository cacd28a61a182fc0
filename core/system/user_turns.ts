import { asUsers, type Identity, type UserWork } from "./privileges.ts";

/** So much is done in a row; what waits for its result goes on before the rest, as the sync of files just written. */
const AT_ONCE = 4;

/**
 * Work that needs users' rights and comes up in the same turn of the event loop is done together: messages for one user
 * that were synced together are put into place with one change of rights.
 */
export class UserTurns {
  readonly #waiting: UserWork[] = [];
  #scheduled = false;

  /** Runs synchronous work with the rights of a user (`asUser`), after what else is ready to run now. */
  run<T>(identity: Identity, work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      identity,
      run() {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      },
      refused: reject,
    });
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      asUsers(this.#waiting.splice(0, AT_ONCE));
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}

import { asUsers, type Identity, type UserWork } from "./privileges.ts";

/**
 * Work that needs users' rights and comes up in the same turn of the event loop is done together: messages for one user
 * that were synced together are put into place with one change of rights.
 */
export class UserTurns {
  #waiting: UserWork[] = [];

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
    if (this.#waiting.length === 1) queueMicrotask(() => this.#runAll());
    return promise;
  }

  #runAll(): void {
    const works = this.#waiting;
    this.#waiting = [];
    asUsers(works);
  }
}

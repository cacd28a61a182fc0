/** Several mail systems on one host (postmulti(1)): which there are, and adding, changing and removing them. */
export {
  environmentOf,
  formatInstances,
  formatInstancesJson,
  type Instance,
  isSelected,
  loadInstances,
  MultiError,
} from "./instances.ts";
export { type LifecycleRequest, performLifecycle, ScriptError } from "./lifecycle.ts";

/** Sessions for MCP servers that cannot be fixed, stolen, guessed, raced or outlived. */
export type { ProtectOptions, Visit } from './adapters/visit.ts'
export { createClock, type Clock } from './clock.ts'
export {
  BusyError,
  CapReachedError,
  FencedError,
  MisuseError,
  SessionEndedError,
  SessionError,
  StoreUnavailableError,
} from './errors.ts'
export type { EndReason, EventListener, RefusalReason, SessionEvent } from './events.ts'
export { createLoginRoutes, type LoginOptions, type LoginRoutes, type ReadBody } from './login.ts'
export { tlsOptions } from './http/tls.ts'
export {
  createAgentTokens,
  type AgentClaims,
  type AgentTokenOptions,
  type AgentTokens,
  type HandOffRequest,
  type MintRequest,
  type TokenContext,
  type TokenVerdict,
} from './signed/agent-token.ts'
export { createKeyRing, type KeyRing, type RingKey } from './signed/key-ring.ts'
export {
  createRequestStates,
  type RequestBinding,
  type RequestStateOptions,
  type RequestStates,
  type Unsealed,
} from './signed/request-state.ts'
export {
  createStateHandles,
  type FoundState,
  type MintedState,
  type StateHandleOptions,
  type StateHandles,
} from './state-handle.ts'
export {
  createSubscriptions,
  type SubscriberStream,
  type Subscription,
  type SubscriptionOptions,
  type Subscriptions,
} from './subscriptions.ts'
export { lockModeOf, type ExclusiveOptions, type LockMode, type ToolAnnotations } from './exclusive.ts'
export {
  createGuard,
  type Admission,
  type AdmitOptions,
  type Authenticate,
  type Credential,
  type DecideAdmission,
  type Guard,
  type GuardOptions,
  type HandedOut,
  type RefusedBecause,
} from './guard.ts'
export type { HandleKind } from './handle.ts'
export { responseOf, viewOfFetch, type Connection } from './http/fetch.ts'
export { sendOnNode, viewOfNode } from './http/node.ts'
export type { Answer, RequestView } from './http/request.ts'
export type { TransportFault, TransportPolicy } from './http/transport.ts'
export type { StreamEnd, StreamEndListener } from './live.ts'
export { profiles, type SessionOptions, type Settings } from './options.ts'
export type { Principal } from './principal.ts'
export type { Session, Turn } from './session.ts'
export {
  createSessions,
  type Caller,
  type Opened,
  type OpenOptions,
  type Resumption,
  type RevokeTarget,
  type Sessions,
} from './sessions.ts'
export { memoryStore, type MemoryStoreOptions } from './store/memory.ts'
export type { SessionStore } from './store/store.ts'

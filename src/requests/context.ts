// SPDX-License-Identifier: Apache-2.0
import { type Context, type ContextManager, type Span, trace } from '@opentelemetry/api';
import { createHook } from 'node:async_hooks';
import type { Label } from './label.ts';
import type { ThreadClock } from './thread-clock.ts';

/** Where a span has its label. */
const LABEL = Symbol('otel-ebpf-energy.label');
type Labelled = { [LABEL]?: Label };

/** Where every copy and version of the API has what was registered with it. */
const API = Symbol.for('opentelemetry.js.api.1');

export function setLabel(span: Span, label: Label): void {
  (span as Labelled)[LABEL] = label;
}

export function labelOf(span: Span): Label | undefined {
  return (span as Labelled)[LABEL];
}

/** The label of the span that is active in a context, if it has one. */
export function labelIn(context: Context): Label | undefined {
  const span = trace.getSpan(context);
  return span && labelOf(span);
}

/**
 * Tells a clock what its thread works on: at the beginning and end of every callback, and where a context is entered
 * within one. The context manager is wrapped when it is there, which is after the SDK's processors are made.
 */
export class Following {
  readonly #clock: ThreadClock;
  readonly #hook: ReturnType<typeof createHook>;
  #manager: ContextManager | undefined;
  /** The last one that was active, and its label: of most callbacks in a row it is the same. */
  #context: Context | undefined;
  #label: Label | undefined;
  #unwrap = (): void => {};

  constructor(clock: ThreadClock) {
    this.#clock = clock;
    this.#hook = createHook({
      before: (id) => clock.enter(id, this.#active()),
      after: (id) => clock.leave(id),
    });
  }

  /** To be called at every start of a span; cheap but for the first one. */
  follow(): void {
    const registered = (globalThis as { [API]?: { context?: ContextManager } })[API]?.context;
    if (registered === this.#manager || registered === undefined) return;
    this.#unwrap();
    this.#manager = registered;
    this.#unwrap = this.#wrap(registered);
    this.#hook.enable();
  }

  stop(): void {
    this.#hook.disable();
    this.#unwrap();
    this.#unwrap = () => {};
    this.#manager = undefined;
    this.#context = undefined;
    this.#label = undefined;
    this.#clock.stop();
  }

  #active(): Label | undefined {
    const context = this.#manager?.active();
    if (context !== this.#context) {
      this.#context = context;
      this.#label = context && labelIn(context);
    }
    return this.#label;
  }

  #wrap(manager: ContextManager): () => void {
    const clock = this.#clock;
    const own = Object.getOwnPropertyDescriptor(manager, 'with');
    // One signature for all functions: what is given is passed on as it is.
    type Enter = (context: Context, ...call: unknown[]) => unknown;
    const enter = manager.with.bind(manager) as Enter;
    let isOn = true;
    const wrapped = ((context, ...call) => {
      if (!isOn) return enter(context, ...call);
      const before = clock.switchTo(labelIn(context));
      try {
        return enter(context, ...call);
      } finally {
        clock.switchTo(before);
      }
    }) satisfies Enter as ContextManager['with'];
    manager.with = wrapped;
    return () => {
      isOn = false;
      // Whoever has wrapped it meanwhile keeps ours, which does nothing any longer.
      if (Object.getOwnPropertyDescriptor(manager, 'with')?.value !== wrapped) return;
      if (own) Object.defineProperty(manager, 'with', own);
      else delete (manager as Partial<ContextManager>).with;
    };
  }
}

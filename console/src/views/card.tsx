// The cards that pages are made of.
import type { ComponentChildren, JSX } from "preact";

export function Section({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return <section class="card"><header><h2>{title}</h2></header>{children}</section>;
}

/** Names and what they are; what is not known is left out. */
export function DetailList({ said }: { said: readonly (readonly [string, string | undefined])[] }): JSX.Element {
  return (
    <Section title="Details">
      <dl class="details">
        {said.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
    </Section>
  );
}

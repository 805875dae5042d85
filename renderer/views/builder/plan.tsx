import { FlaskConical, RefreshCw, Rocket } from 'lucide-react';
import { type ReactNode } from 'react';
import { type PlanResult } from '../../../engine/contract/models.ts';
import { PHASE_WORDS, upstreamsOf } from '../../../engine/contract/words.ts';
import { routeNames } from '../../forms/locate.ts';
import { useDraft } from '../../stores/draft.ts';
import { Badge, Button, Empty, ErrorNote, Loading, Shape } from '../../ui/controls.tsx';
import { Discreet } from '../../ui/discreet.tsx';
import { duration } from '../../ui/format.ts';
import { goToPlace, useBench } from './bench.ts';
import { deployNow, planNow, runNow, ttlMs, useDeploy } from './deploy.ts';
import css from './plan.module.css';
import { TONE_OF } from './rail.tsx';

/** At most so many targets of a plan are listed; the rest is counted. */
const MOST_FAULTS = 200;

/** What would happen, target by target, and the two ways to let it happen. */
export function Plan(): ReactNode {
  const { busy, planning, standIns, revision, error } = useDeploy();
  const now = useBench((state) => state.revision);
  if (busy === 'plan') return <Loading what="Looking at the targets; nothing is changed …" />;
  return (
    <div className={css['plan']}>
      {error !== undefined && (
        <ErrorNote error={error} title={planning === null ? 'The plan was refused' : 'It did not begin'} />
      )}
      {planning === null ? (
        <Empty
          title={error === undefined ? 'No plan yet' : 'No plan'}
          action={
            <Button look="primary" onClick={() => void planNow()}>
              Plan
            </Button>
          }
        >
          A plan names the exact targets, what will be done to each and how it is undone. It changes nothing.
        </Empty>
      ) : !planning.ok ? (
        <>
          <ErrorNote
            title="The file is not valid"
            error={{
              message: `${planning.issues.length === 1 ? 'One error stands' : `${planning.issues.length} errors stand`} in the way.`,
            }}
          />
          <ul className={css['issues']}>
            {planning.issues.slice(0, 50).map((issue) => (
              <li key={`${issue.line}:${issue.column}:${issue.message}`}>
                <button type="button" onClick={() => goToPlace(issue.line, issue.column)}>
                  <b>Line {issue.line}</b> {issue.message} <span>{issue.hint}</span>
                </button>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <>
          {revision !== now && (
            <p className={css['changed']} role="status">
              <Shape tone="warn" /> The text has changed since.
              <Button icon={RefreshCw} onClick={() => void planNow()}>
                Plan again
              </Button>
            </p>
          )}
          <Ways plan={planning.plan} current={revision === now} />
          <Facts plan={planning.plan} standIns={standIns} />
        </>
      )}
    </div>
  );
}

function Ways({ plan, current }: { readonly plan: PlanResult; readonly current: boolean }): ReactNode {
  const { busy, sure } = useDeploy();
  const ttl = useDraft((state) => state.ttl);
  const { level, score } = plan.guard;
  const grave = level === 'HIGH' || level === 'CRITICAL';
  const targets = plan.faults.reduce(
    (sum, { targets: all, unavailable }) => sum + (unavailable === '' ? all.length : 0),
    0,
  );
  const ttlWrong = ttlMs(ttl) === undefined;
  const missing = plan.faults.filter(({ unavailable }) => unavailable !== '').map(({ policy }) => policy);
  const obstacle =
    plan.faults.length === 0
      ? 'The file has no policy: there is nothing to inject.'
      : missing.length > 0
        ? `${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}: not available on this machine. What would change that stands below; or take ${missing.length === 1 ? 'it' : 'them'} out of the file.`
        : '';
  const blocked = !current || (grave && !sure) || obstacle !== '';
  const experiment = plan.phases.length > 0;
  return (
    <section className={css['ways']} aria-label="Let it happen">
      <div className={css['wayHead']}>
        <Badge tone={TONE_OF[level]}>
          {level} {score}
        </Badge>
        <span>{targets === 1 ? 'One target' : `${targets} targets`}</span>
      </div>
      {obstacle !== '' && (
        <p className={css['unavailable']}>
          <Shape tone="bad" /> {obstacle}
        </p>
      )}
      {grave && (
        <label className={css['sure']}>
          <input
            type="checkbox"
            checked={sure}
            onChange={({ target }) => useDeploy.setState({ sure: target.checked })}
          />
          I have read why the guard says {level}, and the room knows.
        </label>
      )}
      <div className={css['wayRow']}>
        <label>
          Time to live
          <input
            value={ttl}
            aria-invalid={ttlWrong}
            aria-describedby="ttl-help"
            onChange={({ target }) => useDraft.setState({ ttl: target.value })}
          />
        </label>
        <Button
          look={experiment ? 'plain' : 'primary'}
          icon={Rocket}
          busy={busy === 'deploy'}
          disabled={blocked || ttlWrong || busy !== ''}
          onClick={() => void deployNow()}
        >
          Deploy
        </Button>
        {experiment && (
          <Button
            look="primary"
            icon={FlaskConical}
            busy={busy === 'run'}
            disabled={blocked || busy !== ''}
            onClick={() => void runNow()}
          >
            Run experiment
          </Button>
        )}
      </div>
      <p id="ttl-help" className={css['note']}>
        {ttlWrong
          ? 'Expected a time such as 60s or 10m, at most 7 days.'
          : `Deploy injects the policies alone and puts everything back after ${duration(ttlMs(ttl) ?? 0)}.`}
        {experiment && ' Run experiment measures first, injects, watches the abort condition and gives a verdict.'}
      </p>
    </section>
  );
}

function Facts({ plan, standIns }: { readonly plan: PlanResult; readonly standIns: readonly string[] }): ReactNode {
  const named = useBench((state) => routeNames(state.source).length > 0);
  return (
    <>
      {standIns.length > 0 && (
        <p className={css['note']}>
          {named
            ? 'Routes of this engine stand in for the file’s of the same name'
            : 'The file names no routes; those of this engine are used'}
          : {standIns.join(', ')}. Their ports are open and carry traffic already.
        </p>
      )}
      <h2>What will be done, and undone</h2>
      {plan.faults.length === 0 && <p className={css['note']}>The file has no policy: nothing would be injected.</p>}
      {plan.faults.slice(0, MOST_FAULTS).map((fault) => (
        <article key={fault.policy} className={css['fault']}>
          <h3>
            {fault.policy}{' '}
            <span>
              {fault.type} · blast radius {fault.blastRadius} of 5
            </span>
          </h3>
          <p>
            <Discreet>{fault.explain}</Discreet>
          </p>
          {fault.unavailable !== '' && (
            <p className={css['unavailable']}>
              <Shape tone="bad" /> Not available here: {fault.unavailable}
            </p>
          )}
          {fault.unavailable === '' && fault.targets.length === 0 && (
            <p className={css['unavailable']}>
              <Shape tone="warn" /> Nothing matches the target now.
            </p>
          )}
          <ul>
            {fault.targets.slice(0, MOST_FAULTS).map((target) => (
              <li key={target.target}>
                <b>
                  <Discreet>{target.target}</Discreet>
                </b>
                <span>
                  <i>Do</i> {target.action}
                </span>
                <span>
                  <i>Undo</i> {target.inverse}
                  {!target.reversible && <em> Firebreak itself cannot bring this back.</em>}
                </span>
              </li>
            ))}
          </ul>
          {fault.targets.length > MOST_FAULTS && (
            <p className={css['note']}>and {fault.targets.length - MOST_FAULTS} more targets</p>
          )}
        </article>
      ))}
      {plan.faults.length > MOST_FAULTS && (
        <p className={css['note']}>and {plan.faults.length - MOST_FAULTS} more policies</p>
      )}
      {plan.phases.length > 0 && (
        <>
          <h2>Phases</h2>
          <ol className={css['phases']}>
            {plan.phases.map(({ name, ms }) => (
              <li key={name}>
                <span>{PHASE_WORDS[name]}</span>
                <b>{ms === 0 ? 'until done' : `${name === 'recovery' ? 'up to ' : ''}${duration(ms)}`}</b>
              </li>
            ))}
          </ol>
          <h2>Steady state</h2>
          <ul className={css['checks']}>
            {plan.steadyState.map(({ name, describe, expect }) => (
              <li key={name}>
                <b>{name}</b> <Discreet>{describe}</Discreet> <code>{expect}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {plan.routes.length > 0 && (
        <>
          <h2>Routes</h2>
          <ul className={css['checks']}>
            {plan.routes.map((route) => (
              <li key={route.name}>
                <b>{route.name}</b> {route.protocol}{' '}
                <code>
                  <Discreet>{`${route.listen} → ${upstreamsOf(route)}`}</Discreet>
                </code>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

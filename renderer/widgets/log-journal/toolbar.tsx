import { ClipboardCopy, ListFilter, Pause, Play } from 'lucide-react';
import { Popover } from 'radix-ui';
import { type ReactNode, type Ref } from 'react';
import { Button, IconButton } from '../../ui/controls.tsx';
import { Menu, type MenuItem } from '../../ui/menu.tsx';
import { type Choices, type Filter, type Search } from './filter.ts';
import css from './widget.module.css';
import { plural } from './words.ts';

export interface ToolbarProps {
  readonly filter: Filter;
  readonly choices: Choices;
  readonly search: Search;
  readonly searchField: Ref<HTMLInputElement>;
  readonly paused: boolean;
  /** How many lines came since. */
  readonly came: number;
  readonly copies: readonly MenuItem[];
  readonly onFilter: (change: Partial<Filter>) => void;
  readonly onToggle: () => void;
}

/** Source, then protocol, then method; action; search; live or paused; copy. */
export function Toolbar({
  filter,
  choices,
  search,
  searchField,
  paused,
  came,
  copies,
  onFilter,
  onToggle,
}: ToolbarProps): ReactNode {
  const narrowed = filter.source !== '' || filter.protocol !== '' || filter.method !== '' || filter.touched;
  return (
    <div className={css['toolbar']} role="group" aria-label="Filter of the journal">
      <div className={css['choices']}>
        <ChoiceFields filter={filter} choices={choices} onFilter={onFilter} />
      </div>
      {/* In the place of the choices where they would be too narrow to be read. */}
      <Popover.Root>
        <Popover.Trigger asChild>
          <IconButton
            label={narrowed ? 'Filter, narrowed' : 'Filter'}
            icon={ListFilter}
            className={css['filter']}
            data-narrowed={narrowed ? '' : undefined}
          />
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Content
            className={css['popover']}
            align="start"
            sideOffset={4}
            collisionPadding={8}
            aria-label="Filter of the journal"
          >
            <ChoiceFields filter={filter} choices={choices} onFilter={onFilter} />
          </Popover.Content>
        </Popover.Portal>
      </Popover.Root>
      <div className={css['search']}>
        <input
          ref={searchField}
          type="search"
          aria-label="Search"
          placeholder="Search, or /expression/"
          value={filter.search}
          maxLength={200}
          spellCheck={false}
          aria-invalid={!search.ok}
          aria-describedby={search.ok ? undefined : 'log-journal-search'}
          onChange={(event) => onFilter({ search: event.target.value })}
          onKeyDown={(event) => {
            if (event.key !== 'Escape' || filter.search === '') return;
            event.preventDefault();
            onFilter({ search: '' });
          }}
        />
        {!search.ok && (
          <p className={css['wrong']} id="log-journal-search" role="alert">
            {search.message}
          </p>
        )}
      </div>
      {paused ? (
        <Button
          icon={Play}
          className={css['paused']}
          aria-label="Resume the journal"
          title="Resume (Space)"
          onClick={onToggle}
        >
          <span>
            <span className={css['pausedWord']}>Paused · </span>
            {came === 0 ? 'nothing new' : `${plural(came)} since`}
          </span>
        </Button>
      ) : (
        <IconButton label="Pause the journal" title="Pause (Space)" icon={Pause} onClick={onToggle} />
      )}
      <Menu label="Copy" items={copies}>
        <IconButton label="Copy lines" icon={ClipboardCopy} />
      </Menu>
    </div>
  );
}

/** Each offers what the ones before it leave. */
function ChoiceFields({
  filter: { source, protocol, method, touched },
  choices,
  onFilter,
}: Pick<ToolbarProps, 'filter' | 'choices' | 'onFilter'>): ReactNode {
  return (
    <>
      <Choice
        label="Source"
        all="All sources"
        value={source}
        choices={choices.sources()}
        onChoose={(source) => onFilter({ source, protocol: '', method: '' })}
      />
      <Choice
        label="Protocol"
        all="All protocols"
        value={protocol}
        choices={choices.protocols(source)}
        onChoose={(protocol) => onFilter({ protocol, method: '' })}
      />
      <Choice
        label="Method"
        all="All methods"
        value={method}
        choices={choices.methods(source, protocol)}
        onChoose={(method) => onFilter({ method })}
      />
      <select
        aria-label="Action"
        title="Action"
        value={touched ? 'touched' : ''}
        onChange={(event) => onFilter({ touched: event.target.value !== '' })}
      >
        <option value="">All actions</option>
        <option value="touched">Under fault</option>
      </select>
    </>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly all: string;
  readonly value: string;
  readonly choices: readonly string[];
  readonly onChoose: (value: string) => void;
}
function Choice({ label, all, value, choices, onChoose }: ChoiceProps): ReactNode {
  // What was chosen stays to be seen, also while nothing of it has come yet.
  const shown = value === '' || choices.includes(value) ? choices : [value, ...choices];
  return (
    <select
      aria-label={label}
      title={value === '' ? label : `${label}: ${value}`}
      value={value}
      onChange={(event) => onChoose(event.target.value)}
    >
      <option value="">{all}</option>
      {shown.map((choice) => (
        <option key={choice} value={choice}>
          {choice}
        </option>
      ))}
    </select>
  );
}

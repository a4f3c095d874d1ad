import { escapePowershell } from './environment.ts';
import { stableUuid } from './scripts.ts';

export interface ElevatedUser {
  readonly user: string;
  /** Empty for accounts that need none, such as SYSTEM. */
  readonly password: string;
  /** Names are derived from it. */
  readonly seed: string;
}

export interface ElevatedRunner {
  /** Path of the script in the machine. */
  readonly path: string;
  readonly script: string;
  /** Command line that starts it. */
  readonly command: string;
}

/** Numbers of the task scheduler's programming interface. */
const TASK = {
  createOrUpdate: 6,
  logonPassword: 1,
  logonService: 5,
  highest: 1,
  execute: 0,
  running: 4,
  ready: 3,
};

/**
 * A script that runs a command line in the name of another user with all rights: as a scheduled task, the only way
 * that Windows has from a remote session. What the task prints goes through a file; the task, the file and the script
 * are gone in the end. Its exit code is the command's.
 */
export function elevatedRunner(command: string, { user, password, seed }: ElevatedUser): ElevatedRunner {
  const task = `packer-${stableUuid(`task ${seed}`)}`;
  const file = `C:/Windows/Temp/packer-elevated-shell-${stableUuid(`runner ${seed}`)}.ps1`;
  // Only %NAME% is known both to cmd and to ExpandEnvironmentVariables.
  const log = `%SYSTEMROOT%/Temp/${task}.out`;
  const script = `
$name = "${task}"
$log = [System.Environment]::ExpandEnvironmentVariables("${log}")
$user = "${escapePowershell(user)}"
$password = "${escapePowershell(password)}"
$logon = ${TASK.logonPassword}
if ($password.Length -eq 0) { $logon = ${TASK.logonService}; $password = $null }
if (Test-Path variable:global:ProgressPreference) { $ProgressPreference = "SilentlyContinue" }

$scheduler = New-Object -ComObject "Schedule.Service"
$scheduler.Connect()
$folder = $scheduler.GetFolder("\\")
$definition = $scheduler.NewTask(0)
$definition.RegistrationInfo.Description = "Packer elevated task"
$definition.Principal.UserId = $user
$definition.Principal.LogonType = $logon
$definition.Principal.RunLevel = ${TASK.highest}
$definition.Settings.DisallowStartIfOnBatteries = $false
$definition.Settings.StopIfGoingOnBatteries = $false
$definition.Settings.ExecutionTimeLimit = "PT0S"
$definition.Settings.Priority = 4
$action = $definition.Actions.Create(${TASK.execute})
$action.Path = "cmd"
$action.Arguments = @'
/c ${command} > ${log} 2>&1
'@
$folder.RegisterTaskDefinition($name, $definition, ${TASK.createOrUpdate}, $user, $password, $logon, $null) | Out-Null
$task = $folder.GetTask("\\$name")
$task.Run($null) | Out-Null

for ($second = 0; ($task.State -ne ${TASK.running}) -and ($second -lt 10); $second++) { Start-Sleep -Seconds 1 }
$shown = 0
do {
  Start-Sleep -Milliseconds 100
  $ended = $task.State -eq ${TASK.ready}
  if (Test-Path $log) {
    Get-Content $log | Select-Object -Skip $shown | ForEach-Object { $shown++; Write-Output "$_" }
  }
} until ($ended)
$result = $task.LastTaskResult

$folder.DeleteTask("\\$name", 0)
foreach ($path in @($log, "${file}")) {
  if (Test-Path $path) { Remove-Item $path -Force -ErrorAction SilentlyContinue }
}
[System.Runtime.Interopservices.Marshal]::ReleaseComObject($scheduler) | Out-Null
exit $result
`;
  return { path: file, script, command: `powershell -executionpolicy bypass -file "${file}"` };
}

#!/bin/bash
# One run that outlives the job's time: before its end it saves, and the job queues again.
#     sbatch slurm.sh --config cifar100/strong --data.root /shared/data --out /shared/runs/a
#SBATCH --job-name=selfdistill
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --signal=USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append

srun selfdistill train "$@"
code=$?
if [ "$code" -eq 138 ]; then # stopped by SIGUSR1, with its state saved
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
